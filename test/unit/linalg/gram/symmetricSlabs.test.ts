import assert from 'node:assert/strict';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { SLAB_ROWS, SymmetricSlabs } from '../../../../extension/linalg/gram/symmetricSlabs';
import type { MatrixProducts } from '../../../../extension/linalg/products/productTypes';
import { fromSlabs, largestDifference, randomMatrix, randomSymmetric } from '../../../harness/numbers/denseReference';

describe('symmetric slabs', () => {
  const products = kernelProducts(loadKernels());

  it('hold every element of the lower half, wherever slabs begin', () => {
    for (const n of [1, 5, SLAB_ROWS, SLAB_ROWS + 1, 2 * SLAB_ROWS + 37]) {
      const matrix = randomSymmetric(n, n);
      assert.deepEqual(fromSlabs(SymmetricSlabs.fromMatrix(matrix, n)), matrix);
    }
  });

  it('sum X·Xᵀ over chunks of columns', async () => {
    const n = 2 * SLAB_ROWS + 3;
    const gram = new SymmetricSlabs(n);
    const x = randomMatrix(n, 44, 44);
    let start = 0;
    for (const columns of [3, 40, 1]) {
      const chunk = Float64Array.from({ length: n * columns }, (_, p) => {
        return x[Math.floor(p / columns) * 44 + start + (p % columns)]!;
      });
      await gram.addGram(products, chunk, columns);
      start += columns;
    }
    assert.ok(largestDifference(fromSlabs(gram), loadKernels().gram(x, n, 44, 'rows')) < 1e-13);
  });

  it('add the product of their leading part with vectors', async () => {
    const [n, k] = [2 * SLAB_ROWS + 37, 3];
    const matrix = randomSymmetric(n, 5);
    for (const order of [n, 2 * SLAB_ROWS, SLAB_ROWS + 40, 9]) {
      const z = randomMatrix(n, k, order).fill(0, order * k);
      const x = randomMatrix(n, k, 1);
      const expected = loadKernels().multiply(matrix, z, n, k, n, false, false);
      for (let p = 0; p < order * k; p++) expected[p] = expected[p]! + x[p]!;
      await SymmetricSlabs.fromMatrix(matrix, n).addProduct(products, x, z, k, order);
      assert.ok(largestDifference(x.subarray(0, order * k), expected.subarray(0, order * k)) < 1e-12, `${order}`);
    }
  });

  it('multiply nothing above the diagonal blocks', async () => {
    let multiplied = 0;
    const counting: MatrixProducts = {
      ...products,
      accumulate: (c, a, b, m, n, k, transA, transB) => {
        multiplied += m * n;
        return products.accumulate(c, a, b, m, n, k, transA, transB);
      },
    };
    const blocks = 3;
    const n = blocks * SLAB_ROWS;
    await new SymmetricSlabs(n).addGram(counting, new Float64Array(n), 1);
    assert.equal(multiplied, ((blocks * (blocks + 1)) / 2) * SLAB_ROWS ** 2);
  });

  it('take no more memory than they say', () => {
    for (const n of [1, 700, 1024]) {
      const { slabs } = new SymmetricSlabs(n);
      const bytes = slabs.reduce((sum, { elements }) => sum + elements.byteLength, 0);
      assert.ok(bytes <= SymmetricSlabs.bytes(n), `${bytes} for order ${n}`);
    }
  });

  it('stop adding when cancelled', async () => {
    const cancel = new AbortController();
    cancel.abort();
    const gram = new SymmetricSlabs(3);
    await assert.rejects(gram.addGram(products, new Float64Array(3), 1, cancel.signal), { name: 'AbortError' });
  });

  it('reject what has another size', async () => {
    assert.throws(() => SymmetricSlabs.fromMatrix(new Float64Array(8), 3), RangeError);
    await assert.rejects(new SymmetricSlabs(3).addGram(products, new Float64Array(7), 2), RangeError);
  });
});
