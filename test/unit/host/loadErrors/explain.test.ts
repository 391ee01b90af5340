/** What PyTorch, transformers and safetensors say (`loadErrorFixtures.py` has them say it), explained. */
import assert from 'node:assert/strict';
import { explain } from '../../../../extension/host/loadErrors/explain';
import { Explainer } from '../../../../extension/host/loadErrors/explainer';
import { keyProblems, type KeyProblem } from '../../../../extension/host/loadErrors/keyProblems';
import { filled } from '../../../../extension/host/loadErrors/sentences';
import { LayerIndex } from '../../../../extension/host/workspace/layerIndex';
import { packSummary } from '../../../../extension/shared/packedTensors';
import type { CheckpointSummary, TensorSummary } from '../../../../extension/shared/tensors';
import { quickly } from '../../../harness/quick';
import messages from './loadErrors.json';

type Shapes = Record<string, number[]>;

async function indexOf(shapes: Shapes, more: Partial<TensorSummary> = {}): Promise<LayerIndex> {
  const index = new LayerIndex();
  await add(index, '/w/model.safetensors', shapes, more);
  return index;
}

async function add(index: LayerIndex, file: string, shapes: Shapes, more: Partial<TensorSummary> = {}): Promise<void> {
  const tensors = Object.entries(shapes).map(([name, shape]): TensorSummary => ({
    ...{ name, shape, group: '', dtype: 'F32', parameters: 1, bytes: 4, layers: [name] },
    ...more,
  }));
  assert.ok(await index.add(file, packSummary({ tensors } as unknown as CheckpointSummary).tensors));
}

/** The explanations of a golden message, by key. */
async function explained(key: keyof typeof messages, more?: Partial<TensorSummary>): Promise<Record<string, string>> {
  const { message, checkpoint } = messages[key];
  const names = (await indexOf(checkpoint, more)).namesOf('/w/model.safetensors')!;
  const problems = keyProblems(message);
  return Object.fromEntries(
    problems.map((problem) => {
      const { sentences } = explain(problem, problems, names, 'model.safetensors');
      return [
        `${problem.kind} ${problem.name}`,
        sentences.map((each) => filled(each, (value) => `<${value}>`)).join(' '),
      ];
    }),
  );
}

describe('messages about keys that do not fit', () => {
  const kinds = (text: string): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const { kind } of keyProblems(text)) counts[kind] = (counts[kind] ?? 0) + 1;
    return counts;
  };

  it('are found whole, with the place of each key', () => {
    const { message } = messages['data parallel'];
    const problems = keyProblems(message);
    assert.deepEqual(kinds(message), { missing: 9, unexpected: 9 });
    for (const { name, start, end } of problems) assert.equal(message.slice(start, end), name);
    const [shape] = keyProblems(messages['more tokens'].message);
    assert.deepEqual(shape!.shapes, { checkpoint: [10, 8], model: [12, 8] });
    assert.equal(messages['more tokens'].message.slice(shape!.start, shape!.end), 'embed_tokens.weight');
  });

  it('are found in transformers’ report, where a row may stand for several keys', () => {
    const problems = keyProblems(messages.transformers.message);
    const row = problems.find(({ name }) => name === 'transformer.h.1.mlp.c_fc.weight')!;
    assert.equal(messages.transformers.message.slice(row.start, row.end), 'transformer.h.{1, 2}.mlp.c_fc.weight');
    assert.deepEqual(problems.find(({ kind }) => kind === 'shape')?.shapes, { checkpoint: [64, 8], model: [70, 8] });
    assert.ok(problems.some(({ name, kind }) => name === 'score.weight' && kind === 'missing'));
  });

  it('are found in the warnings of transformers before version 5, and in what load_state_dict returns', () => {
    // https://github.com/huggingface/transformers/blob/v4.57.0/src/transformers/modeling_utils.py
    const used =
      "Some weights of the model checkpoint at m were not used when initializing Bert: ['cls.bias', 'cls.weight']\n- This";
    assert.deepEqual(kinds(used), { unexpected: 2 });
    const fresh =
      "Some weights of B were not initialized from the model checkpoint at m and are newly initialized: ['a.b']";
    assert.deepEqual(kinds(fresh), { missing: 1 });
    const shapes =
      '- classifier.weight: found shape torch.Size([2, 8]) in the checkpoint and torch.Size([3, 8]) in the model instantiated';
    assert.deepEqual(keyProblems(shapes)[0]?.shapes, { checkpoint: [2, 8], model: [3, 8] });
    assert.deepEqual(kinds("_IncompatibleKeys(missing_keys=['a.b', 'c.d'], unexpected_keys=['e.f'])"), {
      missing: 2,
      unexpected: 1,
    });
  });

  it('are none where nothing is said of a key, or a line was cut off', () => {
    for (const text of [
      '',
      'size mismatch for',
      "KeyError: 'name'",
      'a | MISSING',
      'Missing key(s) in state_dict: "a.b',
    ]) {
      assert.deepEqual(keyProblems(text), [], text);
    }
  });

  it('are found in time that grows with the text, whatever it holds', async () => {
    const long = Array.from({ length: 20_000 }, (_, at) => `"layers.${at}.w"`).join(', ');
    assert.equal((await quickly(300, () => keyProblems(`Missing key(s) in state_dict: ${long}. `))).length, 10_000);
    for (const part of [
      'size mismatch for ',
      'Missing key(s) in state_dict: ',
      '| MISSING |',
      'KeyError: "a.b.c',
      '- a: ',
    ]) {
      await quickly(300, () => keyProblems(part.repeat(200_000 / part.length)));
      await quickly(300, () => keyProblems(`${part}\n`.repeat(200_000 / part.length)));
    }
  });
});

describe('explanations of keys that do not fit', () => {
  it('tell what DataParallel and torch.compile put in front, and for how many keys', async () => {
    const parallel = await explained('data parallel');
    assert.equal(
      parallel['missing layers.0.q_proj.weight'],
      'In <model.safetensors> it is <module.layers.0.q_proj.weight>, <8 × 8 F32>. The checkpoint’s names have <module.> ' +
        'in front, which <DataParallel or DistributedDataParallel> puts there. To take it off: ' +
        '<{k.removeprefix("module."): v for k, v in sd.items()}> That explains all <9> missing keys here.',
    );
    assert.match(
      parallel['unexpected module.embed_tokens.weight']!,
      /^<model.safetensors> has it: <10 × 8 F32>. The model calls it <embed_tokens.weight>. .*<module.> in front/,
    );
    assert.match(
      (await explained('compiled'))['missing embed_tokens.weight']!,
      /<_orig_mod.> in front, which <torch.compile>/,
    );
    assert.match(
      (await explained('compiled model'))['missing _orig_mod.embed_tokens.weight']!,
      /The model’s names have <_orig_mod.> in front, which <torch.compile> puts there. Load into model.<_orig_mod>/,
    );
  });

  it('tell a prefix of either side', async () => {
    assert.match(
      (await explained('held'))['missing embed_tokens.weight']!,
      /names have <model.> in front. To take it off/,
    );
    assert.match(
      (await explained('holder'))['missing model.layers.1.up_proj.bias']!,
      /The model’s names have <model.> in front, the checkpoint’s have not.*all <9> missing/,
    );
  });

  it('tell what PEFT puts in front and within', async () => {
    const adapted = await explained('adapted');
    assert.match(
      adapted['missing base_model.model.layers.0.q_proj.base_layer.weight']!,
      /<layers.0.q_proj.weight>, <8 × 8 F32>. The model’s names have <base_model.model.> in front.*<base_layer> in them, which <PEFT>/,
    );
    assert.match(
      adapted['missing base_model.model.layers.0.q_proj.lora_A.default.weight']!,
      /has no tensor of that name/,
    );
  });

  it('tell that the model has more blocks', async () => {
    assert.equal(
      (await explained('more blocks'))['missing layers.2.q_proj.weight'],
      '<model.safetensors> has no tensor of that name. It has <layers.0–1.q_proj.weight>: the model has more of these blocks.',
    );
  });

  it('tell how shapes differ', async () => {
    assert.equal(
      (await explained('more tokens'))['shape embed_tokens.weight'],
      'In <model.safetensors> it is <10 × 8 F32>. The checkpoint has <10> rows, the model wants <12>; all else is equal. ' +
        'Rows are tokens here: the vocabularies differ by <2>.',
    );
    const wider = await explained('wider');
    assert.match(wider['shape layers.0.q_proj.weight']!, /several sizes differ/);
    assert.match(wider['shape layers.0.q_proj.bias']!, /The model’s is <2> times as long/);
    assert.match(
      (await explained('transposed'))['shape fc.weight']!,
      /it is <4 × 6 F32>. The model wants its transpose/,
    );
  });

  it('tell that a dictionary within the file is what is wanted', async () => {
    const wrapped = await explained('wrapped', { group: 'state_dict' });
    assert.match(wrapped['missing embed_tokens.weight']!, /has it: <10 × 8 F32>. It lies under <state_dict> there/);
    assert.match(
      wrapped['unexpected state_dict']!,
      /holds the tensors there: pass it to load_state_dict, sd\[<"state_dict">\]/,
    );
    assert.match(wrapped['unexpected epoch']!, /has no tensor of that name/);
  });

  it('tell the nearest names of one that is not there', async () => {
    for (const [key, name] of [
      ['safetensors', 'layers.1.k_proj.weight'],
      ['key error', 'layers.1.k_proj.weight'],
    ] as const) {
      assert.match((await explained(key))[`missing ${name}`]!, /Nearest: <layers.1.q_proj.weight>/);
    }
  });

  it('do not take an encoder’s layer for a decoder’s', async () => {
    const names = (await indexOf({ 'encoder.layers.0.fc1.weight': [4, 4] })).namesOf('/w/model.safetensors')!;
    const problem: KeyProblem = { kind: 'missing', name: 'decoder.layers.0.fc1.weight', start: 0, end: 1 };
    const { sentences } = explain(problem, [problem], names, 'm');
    assert.match(sentences.map(({ words }) => words).join(' '), /has no tensor of that name/);
  });

  it('take no longer for a message about very many keys, and a checkpoint of very many kinds of names', async () => {
    const shapes: Shapes = {};
    for (let at = 0; at < 4000; at++) shapes[`net.part${at}.deep.down.fc.weight`] = [4, 4];
    const index = await indexOf(shapes);
    const message = Array.from({ length: 10_000 }, (_, at): KeyProblem => {
      return { kind: 'missing', name: `x${at}.part${at}.deep.down.fcc.weight`, start: 0, end: 1 };
    });
    const meant = { ranked: <T>(_: unknown, found: readonly T[]) => [...found], isMeant: () => false };
    const explainer = new Explainer(() => ({ index, files: ['/w/model.safetensors'] }), meant);
    await quickly(500, () => explainer.explain(message[0]!, message, explainer.checkpointOf(message, undefined)!));
  });

  it('name all that end alike, where it cannot be told which is meant', async () => {
    const names = (await indexOf({ 'a.layers.0.fc1.weight': [4, 4], 'b.layers.0.fc1.weight': [4, 4] })).namesOf(
      '/w/model.safetensors',
    )!;
    const problem: KeyProblem = { kind: 'missing', name: 'layers.0.fc1.weight', start: 0, end: 1 };
    const { sentences } = explain(problem, [problem], names, 'm');
    assert.deepEqual(sentences[0]!.values, ['m', 'a.layers.0.fc1.weight', 'b.layers.0.fc1.weight']);
  });
});

describe('the checkpoint that a message is about', () => {
  const meant = { ranked: <T>(_: unknown, found: readonly T[]) => [...found], isMeant: () => false };
  const explainer = (index: LayerIndex, files: string[]): Explainer => new Explainer(() => ({ index, files }), meant);

  it('is the one that has the keys and shapes that it names', async () => {
    const index = await indexOf({ 'layers.0.fc.weight': [4, 4] });
    await add(index, '/w/other.safetensors', { 'layers.0.fc.weight': [8, 4] });
    const files = ['/w/model.safetensors', '/w/other.safetensors'];
    const said = (rows: number): KeyProblem[] =>
      keyProblems(
        `size mismatch for layers.0.fc.weight: copying a param with shape torch.Size([${rows}, 4]) from checkpoint, ` +
          'the shape in current model is torch.Size([2, 4]).',
      );
    assert.equal(explainer(index, files).checkpointOf(said(8), undefined), '/w/other.safetensors');
    assert.equal(explainer(index, files).checkpointOf(said(4), undefined), '/w/model.safetensors');
    // None of them, and nothing says which is meant.
    assert.equal(explainer(index, files).checkpointOf(said(16), undefined), undefined);
    assert.equal(explainer(index, []).checkpointOf(said(4), undefined), undefined);
  });
});
