import assert from 'node:assert/strict';
import { deflatedEigenvalues } from '../../../../extension/linalg/singular/deflation';
import { gram, withoutNegatives } from '../../../../extension/linalg/gram/gram';
import { uncertainBelow } from '../../../../extension/linalg/gram/precisionPolicy';
import { symmetricEigenvalues } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import { gradedValues, policyErrors, withSingularValues } from '../../../harness/numbers/gradedMatrices';

const POLICY = 1e-6;

function byGram(x: Float64Array, rows: number, cols: number): Float64Array {
  const { matrix, n } = gram(x, rows, cols);
  return withoutNegatives(symmetricEigenvalues(matrix, n));
}

describe('small eigenvalues', () => {
  for (const [rows, cols] of [
    [200, 200],
    [230, 120],
    [120, 230],
  ] as const) {
    it(`of a ${rows} × ${cols} matrix with σ₁/σ_M = 1e12 are exact once the large ones are taken out`, () => {
      const sigma = gradedValues(Math.min(rows, cols), 12);
      const x = withSingularValues(sigma, rows, cols);
      const blurred = byGram(x, rows, cols);
      assert.ok(policyErrors(blurred, sigma).upperHalf > POLICY, 'the Gram matrix alone is exact enough: no test');
      assert.ok(uncertainBelow(blurred)! > sigma[sigma.length >> 1]! ** 2);
      const { upperHalf, all } = policyErrors(deflatedEigenvalues(x, rows, cols, blurred), sigma);
      assert.ok(upperHalf <= POLICY, `upper half off by ${upperHalf}`);
      assert.ok(all <= 1e-13, `off by ${all} of the largest`);
    });
  }

  for (const decades of [4, 6, 8, 9, 10, 12, 14]) {
    it(`are told to be uncertain wherever they are, for σ₁/σ_M = 1e${decades}`, () => {
      const sigma = gradedValues(120, decades);
      const eigenvalues = byGram(withSingularValues(sigma, 120, 120), 120, 120);
      const bound = uncertainBelow(eigenvalues) ?? 0;
      const expected = sigma.map((value) => value * value).sort();
      for (let i = 60; i < 120; i++) {
        const error = Math.abs(eigenvalues[i]! / expected[i]! - 1);
        const zero = eigenvalues[i]! <= 120 * Number.EPSILON;
        assert.ok(error <= POLICY || zero || eigenvalues[i]! < bound, `${expected[i]!} is off by ${error}`);
      }
    });
  }

  it('are not told to be uncertain where the upper half is large or zero', () => {
    assert.equal(uncertainBelow(Float64Array.of(1e-12, 1e-12, 0.1, 1)), undefined);
    assert.equal(uncertainBelow(Float64Array.of(0, 0, 0, 1e-17, 1)), undefined);
    assert.equal(uncertainBelow(new Float64Array(4)), undefined);
    assert.equal(uncertainBelow(new Float64Array(0)), undefined);
    // √4·ε/1e-6
    assert.equal(uncertainBelow(Float64Array.of(0, 0, 1e-10, 1)), (2 * Number.EPSILON) / 1e-6);
  });
});
