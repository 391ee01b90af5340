/**
 * The code whose number is nearest: a binary search among the midpoints of a quantiser's numbers, of which a table names the
 * few that can be near.
 */

/** Equal cells that the range of the midpoints is cut into: of most quantisers a cell holds one at most. */
const CELLS = 1024;

/** @returns the code of the number nearest to x; of two that are equally near, the even code, as IEEE 754 rounds */
export type NearestCode = (x: number) => number;

/** @param numbers of each code; NaN and −0 are never chosen */
export function nearestCode(numbers: Float64Array): NearestCode {
  const codes = [...numbers.keys()]
    .filter((code) => !Number.isNaN(numbers[code]!) && !Object.is(numbers[code]!, -0))
    .sort((a, b) => numbers[a]! - numbers[b]!);
  const ordered = Uint8Array.from(codes);
  const last = ordered.length - 1;
  const midpoints = Float64Array.from({ length: last }, (_, i) => (numbers[codes[i]!]! + numbers[codes[i + 1]!]!) / 2);
  const least = midpoints[0]!;
  const perUnit = CELLS / (midpoints[last - 1]! - least || 1);
  // How many midpoints lie below the beginning of each cell, and below the end of the last.
  const below = new Uint8Array(CELLS + 1);
  for (let cell = 0, count = 0; cell <= CELLS; cell++) {
    while (count < last && midpoints[count]! < least + cell / perUnit) count++;
    below[cell] = count;
  }
  // From the beginning of the cell before to the end of the cell after: rounding may miss by a cell.
  const from = Uint8Array.from({ length: CELLS }, (_, cell) => (cell === 0 ? 0 : below[cell - 1]!));
  const to = Uint8Array.from({ length: CELLS }, (_, cell) => (cell === CELLS - 1 ? last : below[cell + 2]!));
  return (x) => {
    const cell = Math.min(CELLS - 1, Math.max(0, Math.floor((x - least) * perUnit)));
    let low = from[cell]!;
    let high = to[cell]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (midpoints[middle]! < x) low = middle + 1;
      else high = middle;
    }
    // `low` midpoints are below x; x may lie on the next one.
    if (low < last && midpoints[low] === x && ordered[low]! % 2 !== 0) low++;
    return ordered[low]!;
  };
}
