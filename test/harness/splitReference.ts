/** The product of slices by its definition, in whole numbers: what any device must return, to the last bit. */
import assert from 'node:assert/strict';
import { BLOCK_DEPTH } from '../../extension/linalg/splitGraph';
import type { SplitLevels, SplitProduct } from '../../extension/linalg/splitGram';

const SLICES = 5;

/** Slices of one number of magnitude up to 128: digits to the base 256, rounded to the nearest whole number. */
export function slicesOf(value: number): number[] {
  const slices: number[] = [];
  for (let rest = value; slices.length < SLICES;) {
    const slice = Math.floor(rest + 0.5);
    slices.push(slice);
    rest = (rest - slice) * 256;
  }
  return slices;
}

/** @throws AssertionError where a sum that a device makes in float32 could leave its whole numbers, 2²⁴ */
export const splitReference: SplitProduct = (x, y, blocks, m, n) => {
  const left = Array.from(x, slicesOf);
  const right = Array.from(y, slicesOf);
  const depth = blocks * BLOCK_DEPTH;
  const levels = Array.from({ length: SLICES }, () => new Int32Array(m * n));
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        for (const [level, sums] of levels.entries()) {
          let sum = 0;
          let magnitude = 0;
          for (let k = block * BLOCK_DEPTH; k < (block + 1) * BLOCK_DEPTH; k++) {
            const a = left[i * depth + k]!;
            const b = right[j * depth + k]!;
            for (let p = 0; p <= level; p++) {
              sum += a[p]! * b[level - p]!;
              magnitude += Math.abs(a[p]! * b[level - p]!);
            }
          }
          assert.ok(magnitude <= 2 ** 24, `a sum of level ${level} may reach ${magnitude}`);
          sums[i * n + j] = sums[i * n + j]! + sum;
        }
      }
    }
  }
  return Promise.resolve(levels as SplitLevels);
};
