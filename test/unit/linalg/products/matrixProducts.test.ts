import assert from 'node:assert/strict';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { createMatrixProducts, kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { accumulateInPieces, inPieces } from '../../../../extension/linalg/products/productPieces';
import type { MatrixProducts } from '../../../../extension/linalg/products/productTypes';
import { largestDifference, naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';
import { onnxruntimeExists } from '../../../harness/onnxruntime';

describe('matrix products', () => {
  let products: MatrixProducts;
  before(async () => {
    products = await createMatrixProducts();
  });
  after(() => products.dispose());

  it('come from onnxruntime in float64 where it exists for the platform', () => {
    const { provider, precision, refused, threads } = products.device;
    assert.equal(provider, onnxruntimeExists ? 'cpu' : 'wasm', JSON.stringify(refused));
    assert.equal(precision, 'float64');
    assert.ok(threads >= 1);
  });

  for (const source of ['default', 'kernels'] as const) {
    it(`are right in every orientation, alone and added: ${source}`, async () => {
      const { multiply, accumulate } = source === 'default' ? products : kernelProducts(loadKernels());
      for (const [m, n, k] of [
        [1, 1, 1],
        [3, 70, 2],
        [65, 33, 130],
      ] as const) {
        for (const transA of [false, true]) {
          for (const transB of [false, true]) {
            const a = randomMatrix(m, k, 1);
            const b = randomMatrix(k, n, 2);
            const expected = naiveProduct(a, b, m, n, k, transA, transB);
            assert.ok(largestDifference(await multiply(a, b, m, n, k, transA, transB), expected) < 1e-13);
            const before = randomMatrix(m, n, 3);
            const sum = before.slice();
            await accumulate(sum, a, b, m, n, k, transA, transB);
            assert.ok(
              largestDifference(
                sum,
                expected.map((value, i) => value + before[i]!),
              ) < 1e-13,
            );
          }
        }
      }
    });
  }

  it('add to a slice of a larger buffer and touch nothing beside it', async () => {
    const buffer = new Float64Array(30).fill(7);
    const a = randomMatrix(2, 5, 6);
    await products.accumulate(buffer.subarray(10, 14), a, a, 2, 2, 5, false, true);
    const expected = naiveProduct(a, a, 2, 2, 5, false, true).map((value) => value + 7);
    assert.ok(largestDifference(buffer.slice(10, 14), expected) < 1e-14);
    assert.ok([...buffer.subarray(0, 10), ...buffer.subarray(14)].every((value) => value === 7));
  });

  it('take slices of larger buffers', async () => {
    const buffer = randomMatrix(10, 10, 6);
    const a = buffer.subarray(10, 30);
    const b = buffer.subarray(40, 80);
    assert.ok(
      largestDifference(await products.multiply(a, b, 2, 4, 10, false, false), naiveProduct(a, b, 2, 4, 10)) < 1e-14,
    );
  });

  it('leave their operands alone', async () => {
    const a = randomMatrix(5, 5, 6);
    const before = a.slice();
    await products.multiply(a, a, 5, 5, 5, true, false);
    assert.deepEqual(a, before);
  });

  it('are zero for an empty sum and empty for empty sides', async () => {
    const none = new Float64Array(0);
    assert.deepEqual(await products.multiply(none, none, 2, 2, 0, false, false), new Float64Array(4));
    assert.deepEqual(await products.multiply(none, new Float64Array(6), 0, 2, 3, false, false), none);
  });

  it('reject operands that do not fit the sizes', async () => {
    const four = new Float64Array(4);
    await assert.rejects(products.multiply(four, four, 2, 2, 3, false, false), RangeError);
    await assert.rejects(products.accumulate(four, four, four, 2, 2, 3, false, false), RangeError);
    await assert.rejects(products.accumulate(new Float64Array(3), four, four, 2, 2, 2, false, false), RangeError);
  });

  it('fall back to the kernels with the reason where onnxruntime does not load', async () => {
    const fallback = await createMatrixProducts(() => Promise.reject(new Error('no binary for this platform')));
    assert.equal(fallback.device.provider, 'wasm');
    assert.deepEqual(fallback.device.refused, [
      { provider: 'cpu', reason: 'onnxruntime: no binary for this platform' },
    ]);
    assert.deepEqual(
      [...(await fallback.multiply(Float64Array.of(3), Float64Array.of(5), 1, 1, 1, false, false))],
      [15],
    );
    await fallback.dispose();
  });

  it('fall back to the kernels where answers are wrong, and release what was opened', async () => {
    let released = 0;
    const { multiply, accumulate } = kernelProducts(loadKernels());
    const spoiled = (product: Float64Array, by: number): Float64Array => {
      product[product.length - 1] = product[product.length - 1]! + by;
      return product;
    };
    for (const [product, sum] of [
      [1e-9, 0],
      [NaN, 0],
      [0, 1e-9],
    ] as const) {
      const fallback = await createMatrixProducts(() =>
        Promise.resolve({
          multiply: async (...operands) => spoiled(await multiply(...operands), product),
          accumulate: async (c, ...operands) => {
            await accumulate(c, ...operands);
            spoiled(c, sum);
          },
          release: () => {
            released++;
            return Promise.resolve();
          },
          threads: 1,
        }),
      );
      assert.equal(fallback.device.provider, 'wasm');
      assert.match(fallback.device.refused[0]!.reason, /wrong/);
    }
    assert.equal(released, 3);
  });

  it('fall back to the kernels where the graph is refused and even releasing fails', async () => {
    const fallback = await createMatrixProducts(() =>
      Promise.resolve({
        multiply: () => Promise.reject(new Error('Gemm is not implemented')),
        accumulate: () => Promise.reject(new Error('never asked')),
        release: () => Promise.reject(new Error('no session')),
        threads: 1,
      }),
    );
    assert.equal(fallback.device.refused[0]!.reason, 'onnxruntime: Gemm is not implemented; then no session');
    assert.equal(fallback.device.provider, 'wasm');
  });
});

describe('matrix products in pieces', () => {
  const kernels = loadKernels();
  const sizes: number[] = [];
  const { accumulate } = kernelProducts(kernels);
  const pieces = inPieces(
    (a, b, m, n, k, transA, transB) => {
      sizes.push(m * n * k);
      return Promise.resolve(kernels.multiply(a, b, m, n, k, transA, transB));
    },
    (c, a, b, m, n, k, transA, transB) => {
      sizes.push(m * n * k);
      return accumulate(c, a, b, m, n, k, transA, transB);
    },
    1000,
  );

  for (const transA of [false, true]) {
    for (const transB of [false, true]) {
      it(`add up to the product within the limit: transA ${transA}, transB ${transB}`, async () => {
        sizes.length = 0;
        const [m, n, k] = [19, 23, 29];
        const a = randomMatrix(m, k, 1);
        const b = randomMatrix(k, n, 2);
        const expected = naiveProduct(a, b, m, n, k, transA, transB);
        assert.ok(largestDifference(await pieces(a, b, m, n, k, transA, transB), expected) < 1e-13);
        assert.ok(sizes.length >= (m * n * k) / 1000);
        assert.ok(sizes.every((size) => size <= 1000));
      });
    }
  }

  for (const [transA, transB] of [
    [false, false],
    [false, true],
    [true, false],
  ] as const) {
    it(`add up in place within the limit: transA ${transA}, transB ${transB}`, async () => {
      const [m, n, k] = [19, 23, 29];
      const taken: number[] = [];
      const inParts = accumulateInPieces((c, a, b, rows, cols, depth, ...orientation) => {
        taken.push(rows * cols * depth);
        return accumulate(c, a, b, rows, cols, depth, ...orientation);
      }, 1000);
      const a = randomMatrix(m, k, 1);
      const b = randomMatrix(k, n, 2);
      const sum = new Float64Array(m * n).fill(1);
      await inParts(sum, a, b, m, n, k, transA, transB);
      const expected = naiveProduct(a, b, m, n, k, transA, transB).map((value) => value + 1);
      assert.ok(largestDifference(sum, expected) < 1e-13);
      assert.ok(taken.length >= (m * n * k) / 1000);
      assert.ok(taken.every((size) => size <= 1000));
    });
  }

  it('let the event loop turn between them', async () => {
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    sizes.length = 0;
    await pieces(randomMatrix(30, 30, 1), randomMatrix(30, 30, 2), 30, 30, 30, false, false);
    running = false;
    assert.ok(turns >= sizes.length - 1, `${turns} turns, ${sizes.length} pieces`);
    assert.ok(sizes.length >= 27);
  });
});
