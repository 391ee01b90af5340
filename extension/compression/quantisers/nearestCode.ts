/** The code whose number is nearest: a binary search among the midpoints of a quantiser's numbers. */

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
  return (x) => {
    let [low, high] = [0, last];
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
