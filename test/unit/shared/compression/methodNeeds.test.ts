import assert from 'node:assert/strict';
import { KnownOfLayers, unmetNeeds } from '../../../../extension/shared/compression/methodNeeds';

describe('needs of methods', () => {
  it('are met by any statistic that serves', () => {
    assert.deepEqual(unmetNeeds('svd', [], false), []);
    assert.deepEqual(unmetNeeds('svd-llm', [], false), ['gram']);
    assert.deepEqual(unmetNeeds('asvd', ['squareMean'], false), []);
    assert.deepEqual(unmetNeeds('afm', ['gram'], false), ['mean']);
    assert.deepEqual(unmetNeeds('eora', ['gram'], false), ['quantised']);
    assert.deepEqual(unmetNeeds('eora', ['gram'], true), []);
  });

  it('are told of each layer', () => {
    const covered = [
      { layer: 'a', tokens: 8, has: ['gram'] as const, condition: null },
      { layer: 'b', tokens: 8, has: ['fisher'] as const, condition: null },
    ];
    const known = new KnownOfLayers({ covered }, new Set(['a']));
    assert.equal(known.lacking('a', 'svd-llm'), undefined);
    assert.equal(known.lacking('b', 'svd-llm'), 'has no gram in the statistics');
    assert.equal(known.lacking('c', 'svd-llm'), 'is not in the statistics');
    assert.equal(known.lacking('a', 'eora'), undefined);
    assert.equal(known.lacking('c', 'svd'), undefined);
    assert.equal(new KnownOfLayers({ covered }, new Set()).lacking('a', 'eora'), 'is not in the quantised checkpoint');
    // The terminal is told of the quantised checkpoint when the plan is run.
    assert.equal(new KnownOfLayers({ covered }, null).lacking('a', 'eora'), undefined);
  });
});
