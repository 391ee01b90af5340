/** The product of slices by its definition, in whole numbers: what any device must return, to the last bit. */
import assert from 'node:assert/strict';
import { openSplitProduct } from '../../../extension/linalg/devices/onnxSplitProduct';
import { BLOCK_DEPTH, SLICE_LIMIT } from '../../../extension/linalg/devices/splitGraph';
import type { SplitLevels, SplitProduct } from '../../../extension/linalg/devices/splitGram';
import { randomMatrix } from './denseReference';

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

/** onnxruntime's product on a device, beside the definition. @throws AssertionError where any number differs */
export async function assertSplitProductIsExact(provider: Parameters<typeof openSplitProduct>[0]): Promise<void> {
  const { product, release } = await openSplitProduct(provider);
  const [blocks, m, n] = [2, 5, 7];
  const operand = (rows: number, seed: number): Float32Array =>
    Float32Array.from(randomMatrix(rows, blocks * BLOCK_DEPTH, seed), (value) => value * 2 * SLICE_LIMIT);
  const [x, y] = [operand(m, 1), operand(n, 2)];
  x.fill(SLICE_LIMIT, 0, blocks * BLOCK_DEPTH);
  assert.deepEqual(await product(x, y, blocks, m, n), await splitReference(x, y, blocks, m, n));
  await release();
}
