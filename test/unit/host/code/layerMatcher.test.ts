import assert from 'node:assert/strict';
import { LayerMatcher } from '../../../../extension/host/code/layerMatcher';
import { namesIn } from '../../../../extension/host/sources/namesIn';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { quickly } from '../../../harness/quick';

const tensor = (name: string): TensorSummary => ({
  ...{ name, layers: [name], group: '', shape: [8, 8], dtype: 'F32', parameters: 64, bytes: 256 },
});

describe('lines that name a layer', () => {
  const name = 'model.layers.3.self_attn.q_proj.weight';
  const lines = async (source: string): Promise<[number, string][]> =>
    (await LayerMatcher.of(tensor(name))).places(source).map(({ line, kind }) => [line, kind]);

  it('hold it whole, wrapped, as a module, with a variable, or as an attribute', async () => {
    const source = [
      'a = sd["model.layers.3.self_attn.q_proj.weight"]',
      'b = sd["module.model.layers.3.self_attn.q_proj.weight"]',
      'c = model.layers[3].self_attn.q_proj(x)',
      'd = [sd[f"model.layers.{i}.self_attn.q_proj.weight"] for i in r]',
      'self.q_proj = nn.Linear(8, 8)',
    ].join('\n');
    assert.deepEqual(await lines(source), [
      ...[0, 1, 2, 3].map((line): [number, string] => [line, 'name']),
      [4, 'attribute'],
    ]);
  });

  it('do not hold another block, another parameter or a comparison', async () => {
    const source = [
      'sd["model.layers.2.self_attn.q_proj.weight"]',
      'sd["model.layers.3.self_attn.q_proj.bias"]',
      'q_proj = 1',
      'if self.q_proj == 1: pass',
      'self.q_proj_new = 1',
    ].join('\n');
    assert.deepEqual(await lines(source), []);
  });

  it('say the column of the name', async () => {
    const [place] = (await LayerMatcher.of(tensor(name))).places(`x = sd["${name}"]`);
    assert.equal(place!.column, 8);
  });

  it('are found in time that grows with the source, whatever it holds', async () => {
    const matcher = await LayerMatcher.of(tensor(name));
    for (const part of ['q_proj', 'self.q_proj ', '"q_proj', 'q_proj.q_proj[i].']) {
      await quickly(300, () => matcher.places(part.repeat(200_000 / part.length)));
      await quickly(300, () => matcher.places(`${part}\n`.repeat(200_000 / part.length)));
    }
  });
});

describe('strings that may be names of layers', () => {
  const texts = (source: string, language: string): string[] => namesIn(source, language).map(({ text }) => text);

  it('are literals in Python', () => {
    assert.deepEqual(texts('a.b.c = "d.e.f" # "g.h"\ns = "word"', 'python'), ['d.e.f']);
  });

  it('are strings and bare words in data files', () => {
    assert.deepEqual(texts('{"a.b.weight": 1}', 'json'), ['a.b.weight']);
    assert.deepEqual(texts('lr:\n  enc.fc.weight: 0.5\n  encoder/l0/kernel: 1\n', 'yaml'), [
      'enc.fc.weight',
      'encoder/l0/kernel',
    ]);
  });
});
