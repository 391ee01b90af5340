/** A person's own numbers of layers (losses, latencies, gradients), read from a file: as messages carry them. */

export interface OwnColumn {
  readonly name: string;
  /** One for each of the file's `layers`; null where it has none. */
  readonly values: readonly (number | null)[];
}

/** What a file was found to hold for a checkpoint. */
export interface OwnNumbers {
  readonly path: string;
  /** Layers of the checkpoint, or tensors without a spectrum, that the file has a row for. */
  readonly layers: readonly string[];
  readonly columns: readonly OwnColumn[];
  /** Rows of the file that were read. */
  readonly rows: number;
  /** Names that the checkpoint does not have: the first ones, and how many. */
  readonly unmatched: { readonly names: readonly string[]; readonly count: number };
  /** What is wrong with single cells and rows, with lines: the first ones, and how many. */
  readonly problems: { readonly messages: readonly string[]; readonly count: number };
}

/** Key of a column in the table, the filter and the view's memory. */
export function ownKey(name: string): string {
  return `own_${name}`;
}

/** A file that is kept for a checkpoint: its numbers, or why they could not be read now. */
export type KeptNumbers = OwnNumbers | { readonly path: string; readonly error: string };

/** The numbers of a layer by column, over all files. A later file's column of the same name takes the place of an earlier one. */
export function ownColumns(kept: readonly KeptNumbers[]): Map<string, Map<string, number>> {
  const columns = new Map<string, Map<string, number>>();
  for (const each of kept) {
    if ('error' in each) continue;
    for (const { name, values } of each.columns) {
      const numbers = new Map<string, number>();
      values.forEach((value, i) => value !== null && numbers.set(each.layers[i]!, value));
      columns.set(name, numbers);
    }
  }
  return columns;
}
