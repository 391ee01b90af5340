/** Where a value lies among ascending ones. */

/** First index whose value is ≥ `bound`, in ascending values. */
export function lowerBound(values: Float64Array, bound: number): number {
  return partition(values, (value) => value < bound);
}

/** First index whose value is > `bound`, in ascending values. */
export function upperBound(values: Float64Array, bound: number): number {
  return partition(values, (value) => value <= bound);
}

function partition(values: Float64Array, below: (value: number) => boolean): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (below(values[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}
