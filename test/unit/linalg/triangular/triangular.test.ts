/** Cholesky factors and products with them, against their definitions; orders cross the block of 256. */
import assert from 'node:assert/strict';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import {
  choleskyFactor,
  inverseLower,
  timesInverseLower,
  timesLower,
} from '../../../../extension/linalg/triangular/triangular';
import { largestDifference, randomMatrix } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();
const poll = () => undefined;

/** A lower triangular matrix with a diagonal well above 0. */
function lower(n: number, seed: number): Float64Array {
  return randomMatrix(n, n, seed).map((value, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return i === j ? 2 + Math.abs(value) : i > j ? value / Math.sqrt(n) : 0;
  });
}

describe('triangular matrices', () => {
  for (const n of [1, 7, 256, 300, 523]) {
    it(`of order ${n}: the factor of L·Lᵀ is L`, () => {
      const l = lower(n, n);
      const gram = kernels.multiply(l, l, n, n, n, false, true);
      const before = gram.slice();
      const factor = choleskyFactor(gram, n, kernels, poll);
      assert.ok(factor && largestDifference(factor, l) < 1e-12);
      assert.deepEqual(gram, before);
    });

    it(`of order ${n}: X·L is the product, and its product with the inverse X again`, () => {
      const l = lower(n, n + 1);
      const rows = 5;
      const x = randomMatrix(rows, n, 2);
      const product = timesLower(x, rows, l, n, kernels, poll);
      assert.ok(largestDifference(product, kernels.multiply(x, l, rows, n, n, false, false)) < 1e-11);
      assert.ok(largestDifference(timesInverseLower(product, rows, l, n, kernels, poll), x) < 1e-11);
    });
  }

  for (const n of [1, 33, 300]) {
    it(`of order ${n}: the inverse times L is the identity, and zero above the diagonal`, () => {
      const l = lower(n, n + 2);
      const inverse = inverseLower(l, n, kernels, poll);
      const identity = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
      assert.ok(largestDifference(kernels.multiply(inverse, l, n, n, n, false, false), identity) < 1e-12);
      assert.ok(inverse.every((value, at) => value === 0 || at % n <= Math.floor(at / n)));
    });
  }

  it('have no factor where the matrix is singular or indefinite', () => {
    const x = randomMatrix(300, 20, 1);
    assert.equal(choleskyFactor(kernels.multiply(x, x, 300, 300, 20, false, true), 300, kernels, poll), undefined);
    assert.equal(choleskyFactor(Float64Array.of(1, 2, 2, 1), 2, kernels, poll), undefined);
    assert.equal(choleskyFactor(Float64Array.of(0), 1, kernels, poll), undefined);
    assert.equal(choleskyFactor(Float64Array.of(1, 0, 0, NaN), 2, kernels, poll), undefined);
  });

  it('stop when the poll throws', () => {
    const stop = (): never => {
      throw new DOMException('stopped', 'AbortError');
    };
    const l = lower(300, 1);
    assert.throws(() => choleskyFactor(kernels.multiply(l, l, 300, 300, 300, false, true), 300, kernels, stop), {
      name: 'AbortError',
    });
    assert.throws(() => timesLower(l, 300, l, 300, kernels, stop), { name: 'AbortError' });
  });
});
