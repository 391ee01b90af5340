import assert from 'node:assert/strict';
import { openSplitProduct } from '../../../../extension/linalg/devices/onnxSplitProduct';
import { BLOCK_DEPTH, SLICE_LIMIT } from '../../../../extension/linalg/devices/splitGraph';
import { SplitGram, type SplitProduct } from '../../../../extension/linalg/devices/splitGram';
import { SLAB_ROWS } from '../../../../extension/linalg/gram/symmetricSlabs';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import {
  fromSlabs,
  largestDifference,
  naiveProduct,
  randomMatrix,
  seededRandom,
} from '../../../harness/numbers/denseReference';
import { onnxruntimeExists } from '../../../harness/onnxruntime';
import { assertSplitProductIsExact, slicesOf, splitReference } from '../../../harness/numbers/splitReference';
import { transpose } from '../../../../extension/linalg/kernels/transpose';

function itOnOnnxruntime(title: string, test: () => Promise<void>): void {
  if (onnxruntimeExists) it(title, test);
  else console.log(`onnxruntime has no library for this platform: not run: ${title}`);
}

/** The smallest runs: tiles of 128 rows, one block of columns. */
const SMALL = 1;

/** @param x n×k */
async function gramOf(x: Float64Array, n: number, k: number, product = splitReference): Promise<Float64Array> {
  const sum = new SplitGram(product, n, SMALL);
  await sum.add(x, k);
  return fromSlabs(await sum.finish());
}

/** Largest |Gᵢⱼ − xᵢᵀxⱼ| over k·max|xᵢ|·max|xⱼ|. */
function relativeError(gram: Float64Array, x: Float64Array, n: number, k: number): number {
  const expected = naiveProduct(x, x, n, n, k, false, true);
  const largest = Array.from({ length: n }, (_, i) => {
    return x.subarray(i * k, (i + 1) * k).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  });
  let worst = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const scale = k * largest[i]! * largest[j]!;
      const error = Math.abs(gram[i * n + j]! - expected[i * n + j]!);
      worst = Math.max(worst, scale === 0 ? error : error / scale);
    }
  }
  return worst;
}

function rounded(x: Float64Array): Float64Array {
  return x.map(Math.fround);
}

describe('slices', () => {
  it('are whole numbers within ±128 that add up to the number, but for 2⁻³³', () => {
    const random = seededRandom(3);
    const values = [0, 128, -128, 127.5, -127.5, 0.5, -0.5, 0.5 - 2 ** -25, 2 ** -30, 127.49803161621094];
    for (let i = 0; i < 2000; i++) values.push(Math.fround(random() * 256), Math.fround(random() * 2 ** (-i % 30)));
    for (const value of values) {
      const slices = slicesOf(value);
      assert.ok(slices.every((slice) => Number.isInteger(slice) && Math.abs(slice) <= SLICE_LIMIT));
      const sum = slices.reduceRight((rest, slice) => slice + rest / 256, 0);
      assert.ok(Math.abs(sum - value) <= 2 ** -33, `${value}: ${slices.join(', ')}`);
    }
  });
});

describe('split Gram matrix', () => {
  // What the levels leave out: 2⁻³⁹ of the largest products, five pairs of slices deep.
  const bound = 5 * 2 ** -39;

  it('is float64’s but for 2⁻³⁷ of the largest products', async () => {
    for (const [n, k] of [
      [1, 1],
      [7, 40],
      [33, BLOCK_DEPTH],
      [20, 2 * BLOCK_DEPTH + 5],
    ] as const) {
      const x = rounded(randomMatrix(n, k, n + k));
      const gram = await gramOf(x, n, k);
      assert.ok(relativeError(gram, x, n, k) < bound, `${n}×${k}: ${relativeError(gram, x, n, k)}`);
    }
  });

  it('does not depend on the rows’ scales, outliers or zeros', async () => {
    const [n, k] = [9, 90];
    const factors = [1, 1e-12, 1e12, 2 ** 20, 3e-5, 0, -1, 2 ** -20, 7];
    const x = rounded(randomMatrix(n, k, 5).map((value, at) => value * factors[Math.floor(at / k)]!));
    x[6 * k + 4] = 1e4;
    assert.ok(relativeError(await gramOf(x, n, k), x, n, k) < bound);
  });

  it('is exact where the numbers fit into two slices', async () => {
    const [n, k] = [12, 300];
    const x = randomMatrix(n, k, 6).map((value) => Math.round(value * 2 ** 14));
    assert.deepEqual(await gramOf(x, n, k), naiveProduct(x, x, n, n, k, false, true));
  });

  it('keeps every sum of the device below 2²⁴ for the hardest numbers', async () => {
    // splitReference asserts it; all slices of these are as large as they get.
    const [n, k] = [4, BLOCK_DEPTH];
    const hardest = 127 + 127 / 256 + 127 / 65536;
    const x = Float64Array.from({ length: n * k }, (_, at) => (at % 2 === 0 ? hardest : -127.5));
    assert.ok(relativeError(await gramOf(x, n, k), x, n, k) < bound);
  });

  // The reference would take minutes for this size.
  itOnOnnxruntime('is the same from chunks, from tiles of any height and from runs of several blocks', async () => {
    const [n, k] = [SLAB_ROWS + 70, 700];
    const x = rounded(randomMatrix(n, k, 7));
    const { product, release } = await openSplitProduct('cpu');
    const whole = await gramOf(x, n, k, product);
    assert.ok(largestDifference(whole, loadKernels().gram(x, n, k, 'rows')) < k * 2 ** -39);
    for (const run of [1, 1e7, 1e8, 1e12]) {
      const sum = new SplitGram(product, n, run);
      let start = 0;
      for (const count of [1, 399, 300]) {
        const chunk = Float64Array.from({ length: n * count }, (_, p) => {
          return x[Math.floor(p / count) * k + start + (p % count)]!;
        });
        await sum.add(chunk, count);
        start += count;
      }
      const slabs = await sum.finish();
      const gram = fromSlabs(slabs);
      assert.ok(largestDifference(gram, whole) < k * 2 ** -39, `runs of ${run}`);
      for (const { start, rows, width, elements } of slabs.slabs) {
        const block = Float64Array.from({ length: rows * rows }, (_, p) => {
          return elements[Math.floor(p / rows) * width + start + (p % rows)]!;
        });
        assert.deepEqual(block, transpose(block, rows, rows), 'symmetric to the last bit');
      }
    }
    await release();
  });

  it('refuses columns of another length, and is zero without any', async () => {
    const sum = new SplitGram(splitReference, 3, SMALL);
    await assert.rejects(sum.add(new Float64Array(7), 2), RangeError);
    assert.deepEqual(fromSlabs(await sum.finish()), new Float64Array(9));
  });

  it('stops between runs when cancelled', async () => {
    const controller = new AbortController();
    let runs = 0;
    const cancelling: SplitProduct = (...operands) => {
      runs++;
      controller.abort();
      return splitReference(...operands);
    };
    const sum = new SplitGram(cancelling, 2, SMALL);
    const k = 3 * BLOCK_DEPTH;
    await assert.rejects(sum.add(randomMatrix(2, k, 1), k, controller.signal), { name: 'AbortError' });
    assert.equal(runs, 1);
  });
});

describe('the graph of slices', () => {
  itOnOnnxruntime('gives onnxruntime’s CPU the very numbers of the definition', () => assertSplitProductIsExact('cpu'));
});
