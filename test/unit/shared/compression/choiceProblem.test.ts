/** Choices are checked against the tables of methods and options before any work. */
import assert from 'node:assert/strict';
import { choiceProblem, optionsOf } from '../../../../extension/shared/compression/choiceProblem';
import { idleOptions } from '../../../../extension/shared/compression/quantisers';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';

const SIZE = { outputs: 6, inputs: 4 };
const problem = (choice: object) => choiceProblem(choice as LayerChoice, SIZE);

describe('a choice of one layer', () => {
  it('may have ranks from 1 to the smaller side', () => {
    for (const rank of [1, 4]) assert.equal(problem({ method: 'svd', rank }), undefined);
    for (const rank of [0, 5, 1.5, NaN, -1, '2']) {
      assert.equal(problem({ method: 'svd', rank })?.code, 'invalid-rank', String(rank));
    }
    assert.match(problem({ method: 'svd', rank: 5 })!.message, /rank 5 .* 6 × 4 matrix; .* from 1 to 4$/);
    assert.match(problem({ method: 'svd' })!.message, /svd needs a rank/);
    assert.match(problem({ method: 'quantise', rank: 1 })!.message, /quantise has no rank/);
    assert.match(problem({ method: 'dct', rank: 5 })!.message, /columns \(rank\) 5 .* from 1 to 4$/);
    assert.match(problem({ method: 'cospadi', rank: 2, nonzeros: 3 })!.message, /atoms \(rank\) 2 .* from 3 to 6$/);
    assert.match(problem({ method: 'cospadi', rank: 6, nonzeros: 7 })!.message, /7 atoms an output .* more than the 6/);
  });

  it('names a method that there is', () => {
    for (const method of ['nothing', 'toString', undefined]) {
      assert.match(problem({ method, rank: 1 })!.message, /choose one of: svd, fwsvd/);
      assert.equal(problem({ method, rank: 1 })!.code, 'unknown-method');
    }
  });

  it('has only options of its method, within their ranges', () => {
    assert.equal(problem({ method: 'lost', rank: 2, sparse: 0.5, rounds: 3 }), undefined);
    assert.match(problem({ method: 'svd', rank: 2, block: 64 })!.message, /svd has no option block; it has none/);
    assert.match(problem({ method: 'lost', rank: 2, block: 64 })!.message, /its options are sparse, rounds/);
    assert.match(problem({ method: 'lost', rank: 2, sparse: 1.5 })!.message, /sparse 1.5 .* a share from 0 to 1/);
    assert.match(problem({ method: 'lost', rank: 2, rounds: 0 })!.message, /from 1 to 30/);
    assert.match(problem({ method: 'gear', rank: 2, quantiser: 'nf5' })!.message, /"nf5" .* one of: nf4/);
    assert.equal(problem({ method: 'gear', rank: 2, bits: 9 })!.code, 'invalid-option');
  });

  it('has options without effect, where its quantiser decides', () => {
    const idle = (choice: object): string[] => idleOptions(choice as LayerChoice);
    assert.deepEqual(idle({ method: 'quantise', quantiser: 'bipolar', bits: 5, block: 8 }), []);
    assert.deepEqual(idle({ method: 'gear', rank: 2, block: 128 }), []);
    assert.deepEqual(idle({ method: 'svd', rank: 2 }), []);
    const bits = 'bits 3 has no effect: nf4 has 4 bits, and the option is for bipolar';
    assert.deepEqual(idle({ method: 'quantise', quantiser: 'nf4', bits: 3 }), [bits]);
    assert.deepEqual(idle({ method: 'gear', rank: 2, bits: 3 }), [bits]);
    assert.deepEqual(idle({ method: 'quantise', quantiser: 'mxfp4', block: 64 }), [
      'block 64 has no effect: mxfp4 has blocks of 32',
    ]);
  });

  it('has the defaults for what it leaves out', () => {
    assert.deepEqual(optionsOf({ method: 'gear', rank: 1, block: 32 }).block, 32);
    assert.deepEqual(optionsOf({ method: 'gear', rank: 1 }).block, 64);
  });
});
