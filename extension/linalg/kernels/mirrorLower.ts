/** Makes a full symmetric matrix of a lower triangle. */

/** Order of the blocks that are mirrored at once: two of them fit into a first-level cache of 32 kB. */
const BLOCK = 32;

/** Copies the lower triangle of an n×n matrix above its diagonal; element (i, j) is at `first` + i·`stride` + j. */
export function mirrorLower(a: Float64Array, n: number, stride = n, first = 0): void {
  for (let top = 0; top < n; top += BLOCK) {
    for (let left = 0; left <= top; left += BLOCK) {
      for (let i = top; i < Math.min(n, top + BLOCK); i++) {
        for (let j = left; j < Math.min(i, left + BLOCK); j++) a[first + j * stride + i] = a[first + i * stride + j]!;
      }
    }
  }
}
