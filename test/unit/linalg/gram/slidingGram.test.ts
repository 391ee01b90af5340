/** Gram matrices of overlapping windows from shared sums: the same as a product for each, and far less work. */
import assert from 'node:assert/strict';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { SlidingGram, type WindowRows } from '../../../../extension/linalg/gram/slidingGram';
import type { MatrixProducts } from '../../../../extension/linalg/products/productTypes';
import { largestDifference, naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';
import { transpose } from '../../../../extension/linalg/kernels/transpose';

const products = kernelProducts(loadKernels());

/** Columns [start, end) of an order×length matrix. */
function columns(x: Float64Array, order: number, start: number, end: number): Float64Array {
  const length = x.length / order;
  const part = new Float64Array(order * (end - start));
  for (let i = 0; i < order; i++) part.set(x.subarray(i * length + start, i * length + end), i * (end - start));
  return part;
}

/** The window's Gram matrix by its definition. */
function expected(x: Float64Array, rows: WindowRows, first: number, span: [number, number]): Float64Array {
  const { order, side } = rows;
  const k = span[1] - span[0];
  const part = columns(x, order, ...span).subarray(first * k, (first + side) * k);
  return naiveProduct(part, part, side, side, k, false, true);
}

function sliding(x: Float64Array, rows: WindowRows, with_: MatrixProducts = products): SlidingGram {
  return new SlidingGram(with_, rows, (start, end) => Promise.resolve(columns(x, rows.order, start, end)));
}

function trace(matrix: Float64Array, n: number): number {
  return matrix.reduce((sum, value, at) => sum + (at % (n + 1) === 0 ? value : 0), 0);
}

describe('sliding Gram matrices', () => {
  for (const [name, rows, spans] of [
    ['overlapping', { order: 40, side: 20, starts: [0, 7, 14, 20] }, [0, 6, 12, 18].map((at) => [at, at + 30])],
    ['far apart', { order: 90, side: 10, starts: [0, 40, 80] }, [0, 35, 70].map((at) => [at, at + 20])],
    ['over several slabs', { order: 620, side: 300, starts: [0, 150, 320] }, [0, 3].map((at) => [at, at + 12])],
    ['leaving whole slabs out', { order: 800, side: 20, starts: [0, 780] }, [[0, 25]]],
    [
      'backwards and standing still',
      { order: 12, side: 6, starts: [0, 6] },
      [30, 22, 22, 31].map((at) => [at, at + 9]),
    ],
  ] as [string, WindowRows, [number, number][]][]) {
    it(`are those of each window: ${name}`, async () => {
      const length = Math.max(...spans.flat());
      const x = randomMatrix(rows.order, length, 5);
      const grams = sliding(x, rows);
      for (const span of spans) {
        await grams.moveTo(...span);
        for (const first of rows.starts) {
          const gram = grams.window(first).toMatrix();
          assert.ok(largestDifference(gram, expected(x, rows, first, span)) < 1e-13);
          assert.deepEqual(gram, transpose(gram, rows.side, rows.side));
        }
      }
    });
  }

  it('multiply what leaves and enters, as much as was foretold', async () => {
    let multiplyAdds = 0;
    const counting: MatrixProducts = {
      ...products,
      accumulate: (c, a, b, m, n, k, transA, transB) => {
        multiplyAdds += m * n * k;
        return products.accumulate(c, a, b, m, n, k, transA, transB);
      },
    };
    const rows = { order: 410, side: 200, starts: Array.from({ length: 15 }, (_, i) => 15 * i) };
    const spans = Array.from({ length: 15 }, (_, i): [number, number] => [15 * i, 15 * i + 200]);
    const grams = sliding(randomMatrix(410, 410, 6), rows, counting);
    for (const span of spans) await grams.moveTo(...span);
    assert.equal(multiplyAdds, SlidingGram.multiplyAdds(rows, spans));
    // A product for each of the 225 windows would take 225 · 200³.
    assert.ok(multiplyAdds < 0.07 * 225 * 200 ** 3, String(multiplyAdds));
  });

  it('are computed anew where what leaves dwarfs what stays', async () => {
    const rows = { order: 24, side: 12, starts: [0, 12] };
    const x = randomMatrix(24, 60, 7);
    // Column 3 is large in the rows of the first window only.
    for (let i = 0; i < 12; i++) x[i * 60 + 3]! *= 1e9;
    const grams = sliding(x, rows);
    for (const start of [0, 4, 8]) {
      await grams.moveTo(start, start + 40);
      for (const first of rows.starts) {
        const reference = expected(x, rows, first, [start, start + 40]);
        const difference = largestDifference(grams.window(first).toMatrix(), reference);
        assert.ok(difference < 1e-14 * trace(reference, 12), `${start}, ${first}: ${difference}`);
      }
    }
  });

  it('of zeros are exactly zero, whatever was there before', async () => {
    const rows = { order: 8, side: 8, starts: [0] };
    const x = randomMatrix(8, 50, 8);
    for (let i = 0; i < 8; i++) x.fill(0, i * 50 + 20, (i + 1) * 50);
    const grams = sliding(x, rows);
    for (let start = 0; start <= 20; start += 5) await grams.moveTo(start, start + 30);
    assert.deepEqual(grams.window(0).toMatrix(), new Float64Array(64));
  });

  it('gather no rounding on a long way', async () => {
    const rows = { order: 16, side: 16, starts: [0] };
    const x = randomMatrix(16, 1000, 9);
    const grams = sliding(x, rows);
    for (let start = 0; start <= 900; start++) await grams.moveTo(start, start + 100);
    const reference = expected(x, rows, 0, [900, 1000]);
    assert.ok(largestDifference(grams.window(0).toMatrix(), reference) < 1e-14 * trace(reference, 16));
  });

  it('overflow like a product, and recover', async () => {
    const rows = { order: 2, side: 2, starts: [0] };
    const x = Float64Array.of(1e200, 1, 2, 3, 4, 0, 5, 6, 7, 8);
    const grams = sliding(x, rows);
    await grams.moveTo(0, 4);
    assert.equal(grams.window(0).toMatrix()[0], Infinity);
    await grams.moveTo(1, 5);
    assert.deepEqual(grams.window(0).toMatrix(), expected(x, rows, 0, [1, 5]));
  });

  it('stop when cancelled', async () => {
    const controller = new AbortController();
    const grams = sliding(randomMatrix(8, 8, 10), { order: 8, side: 8, starts: [0] });
    controller.abort();
    await assert.rejects(grams.moveTo(0, 8, controller.signal), { name: 'AbortError' });
  });
});
