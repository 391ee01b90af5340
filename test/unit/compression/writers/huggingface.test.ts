/** The folder that transformers loads: names, shapes, configuration, refusals. test/engine loads such folders. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CompressionError } from '../../../../extension/compression/compressionError';
import { huggingfaceLayout } from '../../../../extension/compression/writers/huggingface';
import { repositoryRoot } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { runLayout, type LayoutRun } from './layoutRun';
import { writeModel, type ModelFixture } from './modelFixture';
import { numbersOf, parsedFile, productOf } from './writtenFiles';

const BERT: ModelFixture = {
  tensors: {
    'embeddings.word_embeddings.weight': [11, 6],
    'encoder.layer.0.output.dense.weight': [6, 8],
    'encoder.layer.0.output.dense.bias': [6],
    'patch.weight': [5, 3, 2, 2],
    'pooler.dense.weight': [6, 6],
  },
  config: '{"model_type": "bert", "architectures": ["BertModel"], "factor": 1.0, "tie_word_embeddings": false}',
  files: { 'tokenizer.json': '{}', 'optimizer.pt': 'x', 'README.md': 'about' },
};

const SVD = { method: 'svd', rank: 2 } as const;

describe('the Hugging Face folder', () => {
  const root = temporaryFolder();
  let models = 0;
  const saved = async (fixture: ModelFixture, run: LayoutRun) =>
    runLayout(huggingfaceLayout, writeModel(path.join(root, `model${models++}`), fixture), run);

  it('has two modules for each weight, the bias with the second', async () => {
    const choices = {
      'encoder.layer.0.output.dense.weight': SVD,
      'embeddings.word_embeddings.weight': { method: 'svd', rank: 3 },
      'patch.weight': SVD,
    } as const;
    const { files } = await saved(BERT, { choices });
    const { tensors, metadata } = parsedFile(files.get('model.safetensors')!);
    assert.deepEqual(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])), {
      'embeddings.word_embeddings.ALinear.weight': [11, 3],
      'embeddings.word_embeddings.BLinear.weight': [3, 6],
      'encoder.layer.0.output.dense.ALinear.weight': [6, 2],
      'encoder.layer.0.output.dense.BLinear.weight': [2, 8],
      'encoder.layer.0.output.dense.ALinear.bias': [6],
      'patch.ALinear.weight': [5, 2, 1, 1],
      'patch.BLinear.weight': [2, 3, 2, 2],
      'pooler.dense.weight': [6, 6],
    });
    assert.equal(metadata['format'], 'pt');
    const config = files.get('config.json')!.toString();
    assert.ok(config.includes('"factor": 1.0'), 'what is not changed stays as it was written');
    assert.deepEqual(JSON.parse(config), {
      ...{ model_type: 'bert', architectures: ['BertModel'], factor: 1, tie_word_embeddings: false },
      auto_map: { AutoModel: 'modeling_eigenscope.BertModel' },
      truncation_ranks: {
        'encoder.layer.0.output.dense': 2,
        'embeddings.word_embeddings': 3,
        patch: 2,
      },
    });
    assert.deepEqual([...files.keys()].sort(), [
      'README.md',
      'config.json',
      'model.safetensors',
      'modeling_eigenscope.py',
      'tokenizer.json',
    ]);
    const loader = readFileSync(path.join(repositoryRoot, 'media/python/modeling_eigenscope.py'), 'utf8');
    assert.equal(files.get('modeling_eigenscope.py')!.toString(), loader);
  });

  it('holds factors whose product is the weight at full rank, of a table and of GPT-2 too', async () => {
    const gpt2: ModelFixture = {
      tensors: { 'wte.weight': [9, 4], 'h.0.mlp.c_fc.weight': [4, 7], 'h.0.mlp.c_fc.bias': [7] },
      config: { model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] },
    };
    const choices = {
      'wte.weight': { method: 'svd', rank: 4 },
      'h.0.mlp.c_fc.weight': { method: 'svd', rank: 4 },
    } as const;
    const { files } = await saved(gpt2, { choices });
    const { tensors } = parsedFile(files.get('model.safetensors')!);
    const source = parsedFile(readFileSync(path.join(root, `model${models - 1}`, 'model.safetensors'))).tensors;
    const table = productOf(tensors, 'wte');
    assertClose(table, numbersOf(source.get('wte.weight')!));
    // Conv1D holds in × out; a pair holds out × in.
    const stored = numbersOf(source.get('h.0.mlp.c_fc.weight')!);
    const turned = Array.from({ length: 28 }, (_, i) => stored[(i % 4) * 7 + Math.floor(i / 4)]!);
    assertClose(productOf(tensors, 'h.0.mlp.c_fc'), turned);
    assert.deepEqual(tensors.get('h.0.mlp.c_fc.ALinear.bias')!.bytes, source.get('h.0.mlp.c_fc.bias')!.bytes);
  });

  it('adds a method’s bias to the layer’s own, and names modules that had none', async () => {
    const bias = Float64Array.from({ length: 6 }, (_, i) => i / 4);
    const { files } = await saved(BERT, {
      choices: { 'encoder.layer.0.output.dense.weight': SVD, 'pooler.dense.weight': SVD },
      compressed: (_, made) => ({ ...made, bias }),
    });
    const { tensors } = parsedFile(files.get('model.safetensors')!);
    const source = parsedFile(readFileSync(path.join(root, `model${models - 1}`, 'model.safetensors'))).tensors;
    const own = numbersOf(source.get('encoder.layer.0.output.dense.bias')!);
    assertClose(
      numbersOf(tensors.get('encoder.layer.0.output.dense.ALinear.bias')!),
      [...own].map((value, i) => value + bias[i]!),
    );
    assertClose(numbersOf(tensors.get('pooler.dense.ALinear.bias')!), bias);
    assert.ok(!tensors.has('encoder.layer.0.output.dense.bias'));
    const config = JSON.parse(files.get('config.json')!.toString()) as Record<string, unknown>;
    assert.deepEqual(config['added_biases'], ['pooler.dense']);
  });

  const tied = (config: object): ModelFixture => ({
    tensors: {
      'model.embed_tokens.weight': [9, 4],
      'lm_head.weight': [9, 4],
      'model.layers.0.mlp.up_proj.weight': [6, 4],
    },
    config: { model_type: 'llama', architectures: ['LlamaForCausalLM'], ...config },
  });
  const names = (files: Map<string, Buffer>): string[] =>
    [...parsedFile(files.get('model.safetensors')!).tensors.keys()].filter((name) => !name.includes('layers')).sort();
  const TWINS = { 'lm_head.weight': ['model.embed_tokens.weight'] };

  it('names the Auto class that loads it, if the architecture tells which', async () => {
    const choices = { 'pooler.dense.weight': SVD };
    const note = async (architecture: string): Promise<string> => {
      const config = JSON.stringify({ model_type: 'any', architectures: [architecture] });
      return (await saved({ ...BERT, config }, { choices })).notes[0]!;
    };
    const load = (name: string): string => `Load it with ${name}.from_pretrained(folder, trust_remote_code=True): `;
    assert.ok((await note('BertModel')).startsWith(load('AutoModel')));
    assert.ok((await note('BertForMaskedLM')).startsWith(load('AutoModelForMaskedLM')));
    // Of T5, of Whisper and of models that see images alike.
    const several = await note('T5ForConditionalGeneration');
    assert.ok(several.startsWith('Load it as the original, with its Auto class and trust_remote_code=True: '), several);
  });

  it('stores tied weights once, under the name of the embedding', async () => {
    const { files } = await saved(tied({ tie_word_embeddings: true }), {
      choices: { 'lm_head.weight': SVD },
      twins: TWINS,
    });
    assert.deepEqual(names(files), ['model.embed_tokens.ALinear.weight', 'model.embed_tokens.BLinear.weight']);
    const config = JSON.parse(files.get('config.json')!.toString()) as Record<string, unknown>;
    assert.deepEqual(config['truncation_ranks'], { 'model.embed_tokens': 2 });
  });

  it('stores equal weights twice if the configuration does not tie them', async () => {
    const { files } = await saved(tied({ tie_word_embeddings: false }), {
      choices: { 'lm_head.weight': SVD },
      twins: TWINS,
    });
    assert.deepEqual(names(files), [
      ...['lm_head.ALinear.weight', 'lm_head.BLinear.weight'],
      ...['model.embed_tokens.ALinear.weight', 'model.embed_tokens.BLinear.weight'],
    ]);
  });

  const refused = async (fixture: ModelFixture, run: LayoutRun, message: RegExp): Promise<void> => {
    await assert.rejects(saved(fixture, run), (error: unknown) => {
      assert.ok(error instanceof CompressionError && error.code === 'unsupported', String(error));
      assert.match(error.message, message);
      return true;
    });
  };
  const choices = { 'pooler.dense.weight': SVD };
  const withConfig = (config: object): ModelFixture => ({
    ...BERT,
    config: { model_type: 'bert', architectures: ['BertModel'], ...config },
  });

  for (const [what, fixture, message] of [
    ['no configuration', { tensors: BERT.tensors }, /needs a config.json/],
    ['a configuration that is no JSON', { ...BERT, config: '{' }, /needs a config.json .*none that can be read \(/],
    ['no architecture', withConfig({ architectures: undefined }), /lacks "model_type" or "architectures"/],
    ['no model type', withConfig({ model_type: undefined }), /lacks "model_type"/],
    [
      'an unknown kind of architecture',
      withConfig({ architectures: ['BertForNothing'] }),
      /BertForNothing, for which no Auto class/,
    ],
    ['code of its own', withConfig({ auto_map: { AutoModel: 'a.B' } }), /Python code of its own \(AutoModel/],
    ['a quantised model', withConfig({ quantization_config: {} }), /the model is quantised/],
    ['a compressed model', withConfig({ truncation_ranks: {} }), /compressed already/],
  ] as const) {
    it(`refuses ${what}`, () => refused(fixture, { choices }, message));
  }

  it('keeps the code of a tokenizer', async () => {
    const { files } = await saved(withConfig({ auto_map: { AutoTokenizer: ['a.B', null] } }), { choices });
    const config = JSON.parse(files.get('config.json')!.toString()) as { auto_map: object };
    assert.deepEqual(config.auto_map, {
      AutoTokenizer: ['a.B', null],
      AutoModel: 'modeling_eigenscope.BertModel',
    });
  });

  it('refuses weights that no module of PyTorch holds, and methods without a pair', async () => {
    const config = withConfig({}).config!;
    const tensors = {
      'experts.gate_up_proj': [3, 6, 4],
      'layers.0.experts.1.w1.weight': [6, 4],
      table: [5, 5],
      'a.weight': [4, 4],
    };
    const one = (name: string, choice: LayoutRun['choices'][string] = SVD) => ({ choices: { [name]: choice } });
    await refused(
      { tensors, config },
      one('experts.gate_up_proj[1]'),
      /experts\.gate_up_proj\[1\]: is one matrix of a larger/,
    );
    await refused({ tensors, config }, one('layers.0.experts.1.w1.weight'), /one expert of many/);
    await refused({ tensors, config }, one('table'), /layer table: is not the weight of a PyTorch module/);
    await refused({ tensors, config }, one('a.weight', { method: 'dct', rank: 2 }), /dct makes no pair.*safetensors/);
    await refused({ tensors, config }, one('a.weight', { method: 'pissa', rank: 2 }), /pissa makes no pair.*peft/);
  });

  it('refuses half of a pair that the configuration ties but the file does not', () =>
    refused(
      tied({ tie_word_embeddings: true }),
      { choices: { 'lm_head.weight': SVD } },
      /ties it to model\.embed_tokens\.weight, but the file has other numbers/,
    ));
});

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) assert.ok(Math.abs(actual[i]! - expected[i]!) < 1e-5, `${i}: ${actual[i]}`);
}
