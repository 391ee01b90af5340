import assert from 'node:assert/strict';
import { precisionProblem } from '../../../../extension/linalg/gram/precisionPolicy';

describe('precision policy', () => {
  const spectrum = Float64Array.of(1e-3, 0.1, 1, 2, 50);

  it('lets an error pass that leaves the upper half within 1e-6', () => {
    assert.equal(precisionProblem(spectrum, 0.99e-6), undefined);
    assert.match(precisionProblem(spectrum, 1.01e-6)!, /median eigenvalue, 1e-6 is allowed/);
  });

  it('counts the upper half from the middle, for even and odd numbers of eigenvalues', () => {
    assert.equal(precisionProblem(Float64Array.of(1, 10), 9e-6), undefined);
    assert.match(precisionProblem(Float64Array.of(1, 10), 11e-6)!, /median/);
    assert.equal(precisionProblem(Float64Array.of(2), 1e-6), undefined);
  });

  it('does not let the rank depend on it', () => {
    assert.match(precisionProblem(Float64Array.of(1e-8, 1, 1), 1e-7)!, /smallest eigenvalues are zero/);
    assert.match(precisionProblem(Float64Array.of(0, 1, 1), 1e-12)!, /smallest eigenvalues are zero/);
  });

  it('asks no more than float64 can give', () => {
    assert.equal(precisionProblem(Float64Array.of(0, 0, 1), 3e-16), undefined);
    assert.equal(precisionProblem(new Float64Array(5), 0), undefined);
  });

  it('refuses what is not finite', () => {
    assert.match(precisionProblem(spectrum, NaN)!, /not finite/);
    assert.match(precisionProblem(spectrum, Infinity)!, /not finite/);
    assert.match(precisionProblem(Float64Array.of(0, NaN), 0)!, /not finite/);
  });
});
