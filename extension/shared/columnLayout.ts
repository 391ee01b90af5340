/** How a person has arranged the table's columns: kept for each workspace, and sent to every view that opens. */

export interface ColumnLayout {
  /** Keys of the columns that were chosen; null for the usual ones. */
  readonly chosen: readonly string[] | null;
  /** Those that the table has no room for are left out, the least important first. */
  readonly fit: boolean;
  /** Keys in the order that a person gave them; columns that are not named keep their neighbours. */
  readonly order: readonly string[];
  /** Pixels, by key. */
  readonly widths: Readonly<Record<string, number>>;
}

export const USUAL_LAYOUT: ColumnLayout = { chosen: null, fit: true, order: [], widths: {} };

export const LEAST_COLUMN_WIDTH = 40;
export const MOST_COLUMN_WIDTH = 1200;

/** Reads what was kept, perhaps by another version: what cannot be used is as if it were not there. */
export function parseColumnLayout(kept: unknown): ColumnLayout {
  if (typeof kept !== 'object' || kept === null) return USUAL_LAYOUT;
  const { chosen, fit, order, widths } = kept as Record<keyof ColumnLayout, unknown>;
  const numbers = typeof widths === 'object' && widths !== null ? Object.entries(widths) : [];
  return {
    chosen: Array.isArray(chosen) ? texts(chosen) : null,
    fit: fit !== false,
    order: Array.isArray(order) ? texts(order) : [],
    widths: Object.fromEntries(
      numbers.filter((entry): entry is [string, number] => isWidth(entry[1])).map(([key, width]) => [key, width]),
    ),
  };
}

/** True for what the program itself would show. */
export function isUsual({ chosen, fit, order, widths }: ColumnLayout): boolean {
  return chosen === null && fit && order.length === 0 && Object.keys(widths).length === 0;
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value): value is string => typeof value === 'string');
}

function isWidth(value: unknown): value is number {
  return typeof value === 'number' && value >= LEAST_COLUMN_WIDTH && value <= MOST_COLUMN_WIDTH;
}
