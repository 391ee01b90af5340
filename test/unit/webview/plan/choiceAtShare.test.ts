/** Where a person begins who sets one layer by hand: a choice that the layer can have, whatever the method and its options. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { choiceProblem } from '../../../../extension/shared/compression/choiceProblem';
import { layerMethods } from '../../../../extension/shared/compression/methodTable';
import { choiceAtShare, rankRange, withRank } from '../../../../webview/plan/choiceAtShare';

const size = fc.record({
  outputs: fc.integer({ min: 1, max: 80 }),
  inputs: fc.integer({ min: 1, max: 80 }),
  elementBytes: fc.constant(2),
});
const ranked = layerMethods.filter(({ rank }) => rank !== undefined).map(({ name }) => name);

describe('the choice that a row begins with', () => {
  it('is one that the layer can have, for every method, share and rank before', () => {
    const method = fc.constantFrom(...ranked);
    fc.assert(
      fc.property(
        size,
        method,
        fc.integer({ min: 2, max: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(200),
        (matrix, name, cores, share, before) => {
          const choice = name === 'tensor-train' ? { method: name, cores } : { method: name };
          const bytes = 2 * matrix.outputs * matrix.inputs;
          for (const made of [choiceAtShare(choice, matrix, bytes, share), withRank(choice, matrix, before)]) {
            assert.equal(choiceProblem(made, matrix), undefined, JSON.stringify(made));
          }
        },
      ),
      { numRuns: 500, seed: 21 },
    );
  });

  it('reaches beyond the smaller side where a method does, and stops before it where a chain is whole', () => {
    const matrix = { outputs: 8, inputs: 64, elementBytes: 2 };
    assert.deepEqual(rankRange({ method: 'svd' }, matrix), { least: 1, most: 8 });
    assert.deepEqual(rankRange({ method: 'dct' }, matrix), { least: 1, most: 64 });
    assert.deepEqual(rankRange({ method: 'cospadi', nonzeros: 5 }, matrix), { least: 5, most: 64 });
    // Cores of 4·8 and of 2·8 elements: the bond between them is full at the smaller of the two.
    assert.deepEqual(rankRange({ method: 'tensor-train', cores: 2 }, matrix), { least: 1, most: 16 });
    assert.deepEqual(withRank({ method: 'tensor-train', cores: 2 }, matrix, 64), {
      ...{ method: 'tensor-train', cores: 2, rank: 16 },
    });
    assert.deepEqual(withRank({ method: 'cospadi', nonzeros: 5 }, matrix, 2).rank, 5);
  });
});
