import assert from 'node:assert/strict';
import { gramUse, gramUses, KnownOfLayers, unmetNeeds } from '../../../../extension/shared/compression/methodNeeds';

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

  it('say how a run uses the Gram matrix of a layer', () => {
    const uses = (['svd', 'quantise', 'svd-llm', 'eora', 'cospadi', 'afm'] as const).map((method) =>
      gramUse({ method }),
    );
    assert.deepEqual(uses, ['read', 'read', 'factored', 'factored', 'factored', 'centred']);
    const layers = { a: { method: 'afm' }, b: { keep: 'dense', why: '' }, c: { method: 'svd' } } as const;
    assert.deepEqual(Object.fromEntries(gramUses(layers, ['b', 'c'])), { a: 'centred', b: 'factored', c: 'factored' });
  });

  it('are not met by statistics that were tried and cannot be used', () => {
    const covered = ['a', 'b'].map((layer) => ({ layer, tokens: 8, has: ['gram', 'mean'] as const, condition: null }));
    const refused = { a: { factored: 'is far from it' }, b: { read: 'holds NaN' } };
    const known = new KnownOfLayers({ covered, refused: {} }, null, refused);
    assert.equal(known.lacking('a', 'svd'), undefined);
    assert.equal(known.lacking('a', 'afm'), undefined);
    assert.equal(known.lacking('a', 'svd-llm'), 'has statistics that cannot be used: is far from it');
    assert.equal(known.lacking('b', 'svd'), 'has statistics that cannot be used: holds NaN');
    assert.equal(known.refusal('a', ['svd', 'svd-llm']), 'has statistics that cannot be used: is far from it');
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
