import assert from 'node:assert/strict';
import { KnownOfLayers, unmetNeeds } from '../../../../extension/shared/compression/methodNeeds';

describe('needs of methods', () => {
  const nothing = { has: [], tokens: false, quantised: false } as const;

  it('are met by any statistic that serves', () => {
    assert.deepEqual(unmetNeeds('svd', nothing), []);
    assert.deepEqual(unmetNeeds('svd-llm', nothing), ['gram']);
    assert.deepEqual(unmetNeeds('asvd', { ...nothing, has: ['squareMean'] }), []);
    assert.deepEqual(unmetNeeds('afm', { ...nothing, has: ['gram'] }), ['mean']);
    // The Gram matrix is centred with the mean and the number of tokens.
    assert.deepEqual(unmetNeeds('afm', { ...nothing, has: ['gram', 'mean'] }), ['mean']);
    assert.deepEqual(unmetNeeds('afm', { ...nothing, has: ['gram', 'mean'], tokens: true }), []);
    assert.deepEqual(unmetNeeds('eora', { ...nothing, has: ['gram'] }), ['quantised']);
    assert.deepEqual(unmetNeeds('eora', { ...nothing, has: ['gram'], quantised: true }), []);
  });

  it('are told of each layer', () => {
    const covered = [
      { layer: 'a', tokens: 8, has: ['gram'] as const, condition: null },
      { layer: 'd', tokens: null, has: ['gram', 'mean'] as const, condition: null },
      { layer: 'b', tokens: 8, has: ['fisher'] as const, condition: null },
    ];
    const refused = { e: 'e.input_gram has another shape' };
    const known = new KnownOfLayers({ covered, refused }, new Set(['a']));
    assert.equal(known.lacking('a', 'svd-llm'), undefined);
    assert.equal(known.lacking('b', 'svd-llm'), 'has no gram in the statistics');
    assert.equal(known.lacking('c', 'svd-llm'), 'is not in the statistics');
    assert.equal(known.lacking('a', 'eora'), undefined);
    assert.equal(known.lacking('c', 'svd'), undefined);
    assert.equal(known.lacking('d', 'svd-llm'), undefined);
    assert.equal(known.lacking('d', 'afm'), 'has no number of tokens in the statistics');
    assert.equal(known.lacking('e', 'svd'), 'has statistics that cannot be used: e.input_gram has another shape');
    assert.equal(
      new KnownOfLayers({ covered, refused }, new Set()).lacking('a', 'eora'),
      'is not in the quantised checkpoint',
    );
    // The terminal is told of the quantised checkpoint when the plan is run.
    assert.equal(new KnownOfLayers({ covered, refused }, null).lacking('a', 'eora'), undefined);
  });
});
