import assert from 'node:assert/strict';
import { gram } from '../../extension/linalg/gram';
import { GramAccumulator } from '../../extension/linalg/gramAccumulator';
import { kernelTwin } from '../../extension/linalg/kernelTwin';
import { loadKernels } from '../../extension/linalg/kernels';
import { kernelProducts, type MatrixProducts } from '../../extension/linalg/matrixProducts';
import { largestDifference, naiveProduct, randomMatrix } from '../harness/denseReference';

describe('gram', () => {
  for (const kernels of [loadKernels(), kernelTwin]) {
    it(`takes the smaller side, symmetric to the last bit: ${kernels.kind}`, () => {
      for (const [rows, cols] of [
        [9, 4],
        [4, 9],
        [50, 50],
        [130, 67],
        [67, 290],
      ] as const) {
        const x = randomMatrix(rows, cols, 8);
        const tall = rows >= cols;
        const { matrix, n } = gram(x, rows, cols, kernels);
        assert.equal(n, Math.min(rows, cols));
        const expected = naiveProduct(x, x, n, n, Math.max(rows, cols), tall, !tall);
        assert.ok(largestDifference(matrix, expected) < 1e-13);
        assert.deepEqual(matrix, kernels.transpose(matrix, n, n));
      }
    });
  }

  it('rejects a matrix of another size', () => {
    assert.throws(() => gram(new Float64Array(7), 2, 3), RangeError);
  });

  it('of nothing is empty', () => {
    assert.deepEqual(gram(new Float64Array(0), 0, 5), { matrix: new Float64Array(0), n: 0 });
  });
});

describe('gram accumulator', () => {
  const products = kernelProducts(loadKernels());

  it('sums bands of rows over several tiles', async () => {
    const n = 1100;
    const bands = [3, 40, 1];
    const x = randomMatrix(44, n, 44);
    const accumulator = new GramAccumulator(products, n);
    let start = 0;
    for (const rows of bands) {
      await accumulator.addRows(x.subarray(start * n, (start + rows) * n), rows);
      start += rows;
    }
    const sum = accumulator.finish();
    assert.ok(largestDifference(sum, loadKernels().gram(x, 44, n, 'columns')) < 1e-13);
    assert.deepEqual(sum, loadKernels().transpose(sum, n, n));
  });

  it('multiplies no tile above the diagonal', async () => {
    const multiplied: string[] = [];
    const counting: MatrixProducts = {
      ...products,
      multiply: (a, b, m, n, k, transA, transB) => {
        multiplied.push(`${m}×${n}`);
        return products.multiply(a, b, m, n, k, transA, transB);
      },
    };
    await new GramAccumulator(counting, 1100).addRows(new Float64Array(1100), 1);
    assert.deepEqual(multiplied, ['512×512', '512×512', '512×512', '76×512', '76×512', '76×76']);
  });

  it('stops between tiles when aborted', async () => {
    const controller = new AbortController();
    const accumulator = new GramAccumulator(products, 1100);
    const adding = accumulator.addRows(randomMatrix(100, 1100, 1), 100, controller.signal);
    setTimeout(() => controller.abort());
    await assert.rejects(adding, { name: 'AbortError' });
  });

  it('hands its sum over once', async () => {
    const accumulator = new GramAccumulator(products, 2);
    await accumulator.addRows(Float64Array.of(1, 2), 1);
    assert.deepEqual([...accumulator.finish()], [1, 2, 2, 4]);
    assert.throws(() => accumulator.finish(), /handed over/);
    await assert.rejects(accumulator.addRows(Float64Array.of(1, 2), 1), /handed over/);
  });

  it('rejects a band of another width', async () => {
    await assert.rejects(new GramAccumulator(products, 3).addRows(new Float64Array(7), 2), RangeError);
  });
});
