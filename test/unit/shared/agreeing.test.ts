import assert from 'node:assert/strict';
import { agreeing } from '../../../extension/shared/agreeing';

describe('a word beside a count', () => {
  it('is singular for 1 only', () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => agreeing(count, 'tensor')),
      ['tensors', 'tensor', 'tensors'],
    );
  });

  it('takes an irregular form', () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => agreeing(count, 'gives', 'give')),
      ['give', 'gives', 'give'],
    );
  });
});
