/** Singular vectors say what they reached where that is not what they aimed at. */
import assert from 'node:assert/strict';
import { residualNote } from '../../../../extension/engine/requests/singularVectors';

describe('the residual of singular vectors', () => {
  it('is not spoken of where each is within 1e-9·σ₁', () => {
    assert.equal(residualNote([3, 2, 1], [1e-12, 3e-9, 0]), undefined);
    assert.equal(residualNote([0, 0], [0, 0]), undefined);
    assert.equal(residualNote([], []), undefined);
  });

  it('is said where one is above, or no number', () => {
    assert.match(residualNote([2, 1, 1], [1e-12, 5e-8, 1e-6])!, /^2 of 3 .* above the 1e-9·σ₁ .* largest 5\.0e-7·σ₁/);
    assert.match(residualNote([2], [NaN])!, /^1 of 1 /);
  });
});
