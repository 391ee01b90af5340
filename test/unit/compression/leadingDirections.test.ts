import assert from 'node:assert/strict';
import { compressPair } from '../../../extension/compression/pairCompression';
import { fewDirections, leadingDirections } from '../../../extension/compression/leadingDirections';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { heldBands } from '../../../extension/linalg/singular/rowBandProducts';
import { kernelProducts } from '../../../extension/linalg/products/matrixProducts';
import { symmetricEigenvalues } from '../../../extension/linalg/eigen/symmetricEigenvalues';
import { topEigenvectors } from '../../../extension/linalg/eigen/symmetricEigenvectors';
import { fromElements, largestDifference, randomMatrix } from '../../harness/numbers/denseReference';

const kernels = loadKernels();
const tools = {
  products: kernelProducts(kernels),
  solve: (matrix: Float64Array, n: number, k: number) => Promise.resolve(topEigenvectors(matrix, n, k)),
};

/** ‖W − W·VᵀV‖² over Σ_{i>rank}λ, both computed the long way, less 1. */
function excess(w: Float64Array, rows: number, cols: number, rank: number, directions: Float64Array): number {
  const lambda = symmetricEigenvalues(kernels.gram(w, rows, cols, 'columns'), cols);
  const optimal = lambda.subarray(0, cols - rank).reduce((sum, value) => sum + Math.max(0, value), 0);
  const projected = kernels.multiply(w, directions, rows, rank, cols, false, true);
  const product = kernels.multiply(projected, directions, rows, cols, rank, false, false);
  const square = product.reduce((sum, value, i) => sum + (value - w[i]!) ** 2, 0);
  return Math.sqrt(square / optimal) - 1;
}

/** Columns of falling size: a spectrum like those of trained weights. */
const graded = (rows: number, cols: number): Float64Array =>
  randomMatrix(rows, cols, 6).map((x, i) => x * (1 + (i % cols)) ** -0.4);

describe('leading directions', () => {
  it('reach the smallest error to a millionth, orthonormal', async () => {
    for (const [rows, cols, rank, w] of [
      [1200, 600, 8, randomMatrix(1200, 600, 2)],
      [900, 600, 20, graded(900, 600)],
      [400, 400, 1, graded(400, 400)],
    ] as const) {
      const found = (await leadingDirections(heldBands(w, rows, cols), rank, tools))!;
      const gram = kernels.multiply(found, found, rank, rank, cols, false, true);
      assert.ok(
        largestDifference(
          gram,
          fromElements(rank, (i, j) => Number(i === j)),
        ) <= 1e-12,
      );
      const beyond = excess(w, rows, cols, rank, found);
      assert.ok(beyond >= -1e-10 && beyond <= 1e-6, `${rows} × ${cols} at rank ${rank}: ${beyond}`);
    }
  });

  it('of a matrix of lower rank leave nothing', async () => {
    const [rows, cols] = [500, 400];
    const w = kernels.multiply(randomMatrix(rows, 7, 1), randomMatrix(7, cols, 2), rows, cols, 7, false, false);
    const found = (await leadingDirections(heldBands(w, rows, cols), 12, tools))!;
    const projected = kernels.multiply(w, found, rows, 12, cols, false, true);
    const product = kernels.multiply(projected, found, rows, cols, 12, false, false);
    assert.ok(largestDifference(product, w) <= 1e-12);
  });

  it('are left to the whole spectrum where they are many, or the matrix is small', () => {
    assert.equal(fewDirections(4096, 4096, 256), true);
    assert.equal(fewDirections(4096, 4096, 257), false);
    assert.equal(fewDirections(100_000, 512, 4), false);
  });

  it('give up where too large a basis would be needed', async () => {
    // All σ equal: no direction stands apart from those that are not kept, and the bound cannot tell that it need not.
    const n = 300;
    const w = fromElements(n, (i, j) => Number(i === j) + 1e-3 * Math.sin(i * j));
    assert.equal(await leadingDirections(heldBands(w, n, n), 100, tools), undefined);
  });

  it('make the compression that the whole spectrum makes', async () => {
    const [rows, cols, rank] = [400, 300, 12];
    const w = graded(rows, cols);
    const tensor = { name: 'w', shape: [rows, cols], dtype: 'F64', kernelLayout: 'OI…' } as const;
    const bytes = new Uint8Array(w.buffer);
    const request = { kind: 'rank', rank } as const;
    const directions = (await leadingDirections(heldBands(w, rows, cols), rank, tools))!;
    const whole = compressPair({ tensor, bytes }, 'svd', request, 'factors', { kernels });
    const few = compressPair({ tensor, bytes, directions }, 'svd', request, 'factors', { kernels });
    assert.equal(few.rank, rank);
    assert.ok(Math.abs(few.relative_error / whole.relative_error - 1) <= 1e-6);
    assert.ok(Math.abs(few.measured_error / few.relative_error - 1) <= 1e-9);
    assert.deepEqual(few.factors, whole.factors);
  });

  it('tell an error that is mostly rounding from the spectrum', async () => {
    const [rows, cols] = [120, 80];
    const part = (seed: number, size: number) =>
      kernels
        .multiply(randomMatrix(rows, 2, seed), randomMatrix(2, cols, seed + 1), rows, cols, 2, false, false)
        .map((x) => size * x);
    const small = part(5, 1e-6);
    const w = part(1, 1).map((x, i) => x + small[i]!);
    const tensor = { name: 'w', shape: [rows, cols], dtype: 'F64', kernelLayout: 'OI…' } as const;
    const bytes = new Uint8Array(w.buffer);
    const request = { kind: 'rank', rank: 2 } as const;
    const directions = (await leadingDirections(heldBands(w, rows, cols), 2, tools))!;
    const { relative_error, measured_error } = compressPair({ tensor, bytes, directions }, 'svd', request, 'factors', {
      kernels,
    });
    assert.ok(relative_error > 1e-7 && relative_error < 1e-5);
    assert.ok(Math.abs(measured_error / relative_error - 1) <= 1e-2, `${measured_error} and ${relative_error}`);
  });
});
