import assert from 'node:assert/strict';
import { findGroups, headSizesOf, rotationOf } from '../../../../extension/compression/groups/findGroups';

describe('findGroups', () => {
  it('finds the blocks of a Llama, in order', () => {
    const modules = [0, 1].flatMap((i) =>
      [
        'self_attn.q_proj',
        'self_attn.k_proj',
        'self_attn.v_proj',
        'self_attn.o_proj',
        'mlp.gate_proj',
        'mlp.up_proj',
        'mlp.down_proj',
      ].map((leaf) => `model.layers.${i}.${leaf}`),
    );
    const groups = findGroups(['model.embed_tokens', ...modules, 'lm_head']);
    assert.deepEqual(
      groups.map(({ kind, name }) => [kind, name]),
      [0, 1].flatMap((i) => [
        ['attention', `model.layers.${i}.self_attn`],
        ['mlp', `model.layers.${i}.mlp`],
      ]),
    );
    const [attention, mlp] = groups;
    assert.ok(attention?.kind === 'attention' && attention.o === 'model.layers.0.self_attn.o_proj');
    assert.ok(mlp?.kind === 'mlp' && mlp.gate === 'model.layers.0.mlp.gate_proj');
  });

  it('finds those of BERT, T5, OPT and GPT-2', () => {
    const found = (...modules: string[]): string[] => findGroups(modules).map(({ kind, name }) => `${kind} ${name}`);
    const bert = 'encoder.layer.0';
    assert.deepEqual(
      found(
        ...['query', 'key', 'value'].map((role) => `${bert}.attention.self.${role}`),
        ...['attention.output.dense', 'intermediate.dense', 'output.dense'].map((role) => `${bert}.${role}`),
      ),
      [`attention ${bert}.attention`, `mlp ${bert}`],
    );
    assert.deepEqual(found('b.wi_0', 'b.wi_1', 'b.wo', 'c.wi', 'c.wo'), ['mlp b', 'mlp c']);
    assert.deepEqual(found('h.0.mlp.c_fc', 'h.0.mlp.c_proj'), ['mlp h.0.mlp']);
    assert.deepEqual(found('fc1', 'fc2'), ['mlp ']);
  });

  it('finds none if a projection is missing', () => {
    assert.deepEqual(findGroups(['a.gate_proj', 'a.up_proj', 'a.q_proj', 'a.k_proj', 'a.o_proj']), []);
  });
});

describe('the heads of an attention', () => {
  const sizes = { heads: 8, keyValueHeads: 2, headSize: 4 };

  it('are those of the configuration if the projections have as many rows', () => {
    assert.deepEqual(headSizesOf(sizes, { q: 32, k: 8, v: 8, o: 32 }), sizes);
    const reason = (found: ReturnType<typeof headSizesOf>): string => (typeof found === 'string' ? found : '');
    assert.match(reason(headSizesOf(sizes, { q: 32, k: 32, v: 8, o: 32 })), /32, 32, 8 and 32 rows/);
    assert.match(reason(headSizesOf({}, { q: 1, k: 1, v: 1, o: 1 })), /num_attention_heads/);
  });

  it('turn as their kind of model does', () => {
    assert.deepEqual(['llama', 'gptj', 'bert', 'unheard-of', undefined].map(rotationOf), [
      'halves',
      'neighbours',
      'none',
      undefined,
      undefined,
    ]);
  });
});
