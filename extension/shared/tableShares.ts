/** How much of the room the table keeps when a layer is open: kept for each workspace. */

/** Shares of the width, beside the layer's view, and of the height, above it. */
export interface TableShares {
  readonly split: number;
  readonly stackedSplit: number;
}

/** With the second one, a whole plot fits below the table on an ordinary screen. */
export const USUAL_SHARES: TableShares = { split: 0.44, stackedSplit: 0.34 };

/** Neither the table nor the view beside it may vanish. */
export const LEAST_SHARE = 0.2;
export const MOST_SHARE = 0.8;

/** Reads what was kept, perhaps by another version: what cannot be used is as if it were not there. */
export function parseTableShares(kept: unknown): TableShares {
  const { split, stackedSplit } = (typeof kept === 'object' && kept !== null ? kept : {}) as Record<string, unknown>;
  return {
    split: isShare(split) ? split : USUAL_SHARES.split,
    stackedSplit: isShare(stackedSplit) ? stackedSplit : USUAL_SHARES.stackedSplit,
  };
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && value >= LEAST_SHARE && value <= MOST_SHARE;
}
