import assert from 'node:assert/strict';
import type { EngineLayer } from '../../../../extension/engine/layer/engineLayer';
import { UsageError } from '../../../../extension/engine/terminal/cliArguments';
import { oneLayer, selectedLayers } from '../../../../extension/engine/terminal/selectedLayers';

const PARTS = new Map([
  ['blk.0.attn_q.weight', 'head0'],
  ['blk.1.ffn_up.weight', 'gate'],
]);

/** Two layers of a GGUF file, the first with a head, the second with a gate, and one without another name. */
const ALIASES = new Map([
  ['blk.0.attn_q.weight', 'model.layers.0.self_attn.q_proj.weight'],
  ['blk.0.attn_q.weight[head0]', 'model.layers.0.self_attn.q_proj.weight[head0]'],
  ['blk.1.ffn_up.weight', 'model.layers.1.mlp.up_proj.weight'],
]);

const document = {
  layers: new Map(
    ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight', 'rope_freqs.weight'].map((name) => [name, {} as EngineLayer]),
  ),
  partsIn: (name: string) => {
    const label = PARTS.get(name);
    return {
      parts: label === undefined ? [] : [{ name: `${name}[${label}]`, label, shape: [2, 4] as [number, number] }],
    };
  },
  aliasOf: (name: string) => ALIASES.get(name),
};

describe('layers that a command is about', () => {
  it('are found by their names and by those that another program gives them', () => {
    for (const [patterns, expected] of [
      [['blk.0.*'], ['blk.0.attn_q.weight']],
      [['model.layers.1.*'], ['blk.1.ffn_up.weight']],
      [
        ['*.up_proj.weight', 'blk.0.attn_q.weight'],
        ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight'],
      ],
      [['*.q_proj.weight[head*]'], ['blk.0.attn_q.weight[head0]']],
      [[], ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight', 'rope_freqs.weight']],
    ] as const) {
      assert.deepEqual(selectedLayers(document, patterns, undefined), expected, patterns.join(' '));
    }
    assert.throws(() => selectedLayers(document, ['model.layers.2.*'], undefined), UsageError);
  });

  it('are those that have the part, where brackets could be a set of letters, too', () => {
    for (const [patterns, expected] of [
      // As a set of letters, it is every name that ends in one of them.
      [['*[gate]'], ['blk.1.ffn_up.weight[gate]']],
      [['*[t]'], ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight', 'rope_freqs.weight']],
      [['blk.[01].attn_q.weight[head*]'], ['blk.0.attn_q.weight[head0]']],
      [['blk.[01].*'], ['blk.0.attn_q.weight', 'blk.1.ffn_up.weight']],
    ] as const) {
      assert.deepEqual(selectedLayers(document, patterns, undefined), expected, patterns.join(' '));
    }
  });

  it('one of them, too, by its name or a pattern that nothing else matches', () => {
    assert.equal(oneLayer(document, 'model.layers.1.mlp.up_proj.weight'), 'blk.1.ffn_up.weight');
    assert.equal(oneLayer(document, 'model.layers.0.self_attn.q_proj.weight[head0]'), 'blk.0.attn_q.weight[head0]');
    assert.equal(oneLayer(document, 'rope_freqs.weight'), 'rope_freqs.weight');
    assert.equal(oneLayer(document, 'rope*'), 'rope_freqs.weight');
    assert.throws(() => oneLayer(document, 'blk.*'), /"blk\.\*" matches 2 layers \(blk\.0\.attn_q\.weight, blk\.1/);
    assert.throws(() => oneLayer(document, 'nothing'), { message: 'no layer matches "nothing"' });
  });

  it('names what a mistyped one probably means', () => {
    for (const [typed, meant] of [
      ['blk.0.atn_q.weight', /did you mean blk\.0\.attn_q\.weight/],
      ['ffn_up', /did you mean blk\.1\.ffn_up\.weight\?/],
      ['*rope_freq.weight', /did you mean rope_freqs\.weight/],
    ] as const) {
      assert.throws(() => selectedLayers(document, [typed], undefined), meant);
    }
  });
});
