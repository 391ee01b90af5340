/**
 * One small, sound checkpoint for each row of the table in `extension/checkpoint/README.md`. A new format is one row there
 * and one sample here; `formatTable.test.ts` compares the two.
 */
import { lora, quantised, smallShards } from '../../fuzz/folderSources';
import { made, type Source } from '../../fuzz/source';
import { numpyFiles, flaxFiles, torchFiles, torchFolder } from '../../fuzz/sources';
import { smallTensorflowJs, tensorflowCheckpoint } from '../../fuzz/tensorflowSources';
import { hdf5Fixtures } from './hdf5Files';
import { floatTensor as ggufFloats, GgufWriter, VALUE } from './ggufWriter';
import { pipelineFiles, writeFiles } from './pipelineFixture';
import { floatTensor as onnxFloats, graph, model } from './onnxWriter';
import { ramp, safetensorsBytes } from './safetensorsFixtures';
import { constant, content, graphDef, savedModel, tensorProto } from './tensorflowGraphWriter';
import { ramp as rampBytes } from './tensorBundleWriter';
import { floatTensor as tfliteFloats, tfliteFile } from './tfliteWriter';

export interface FormatSample {
  /** First cell of the table's row. */
  readonly row: string;
  readonly source: Pick<Source, 'open' | 'lay'>;
  /** What the program that reads the format calls its tensors, all of them. */
  readonly names: readonly string[];
  /** What other programs call them, by their names, if the table says so. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** A layer whose spectrum is computed, and that is then compressed and saved. */
  readonly layer: string;
  /** What refuses to save it compressed, where it is refused. */
  readonly unsaved?: RegExp;
}

/** A source of the fuzzer, or a file that another program wrote for the tests of its format. */
function fixture(sources: readonly Source[], name: string): Source {
  const found = sources.find((source) => source.name === name);
  if (!found) throw new Error(`no fixture ${name}`);
  return found;
}

function hdf5(name: string): Source {
  const { file, suffix } = hdf5Fixtures.find((each) => each.name === name)!;
  return made(`model${suffix}`, () => file);
}

function gguf(): Uint8Array {
  const writer = new GgufWriter();
  return writer.file({
    pairs: [writer.pair('general.architecture', VALUE.TEXT, 'llama')],
    tensors: [ggufFloats('blk.0.attn_q.weight', [4, 3]), ggufFloats('output_norm.weight', [3])],
  });
}

const values = Array.from({ length: 12 }, (_, i) => i + 1);

export const formatSamples: readonly FormatSample[] = [
  {
    row: 'safetensors',
    source: made('model.safetensors', () => safetensorsBytes([ramp('fc.weight', [4, 3]), ramp('fc.bias', [4])])),
    names: ['fc.weight', 'fc.bias'],
    layer: 'fc.weight',
  },
  {
    row: 'GGUF',
    source: made('model.gguf', gguf),
    names: ['blk.0.attn_q.weight', 'output_norm.weight'],
    aliases: {
      'blk.0.attn_q.weight': 'model.layers.0.self_attn.q_proj.weight',
      'output_norm.weight': 'model.norm.weight',
    },
    layer: 'blk.0.attn_q.weight',
  },
  {
    row: 'PyTorch',
    source: fixture(torchFiles('zip'), 'tied weights (zip)'),
    names: ['embed.weight', 'head.weight'],
    layer: 'embed.weight',
  },
  {
    row: 'PyTorch, before 1.6',
    source: fixture(torchFiles('legacy'), 'tied weights (legacy)'),
    names: ['embed.weight', 'head.weight'],
    layer: 'embed.weight',
  },
  {
    row: 'PyTorch distributed',
    source: torchFolder('distributed', '.metadata'),
    names: ['replicated', 'step', 'brain', 'rows', 'columns', 'grid', 'vector'].map((name) => `layers.${name}`),
    layer: 'layers.grid',
  },
  {
    row: 'TorchScript',
    source: fixture(torchFiles('torchscript'), 'TorchScript'),
    names: ['scale', 'linear.weight', 'linear.bias'],
    layer: 'linear.weight',
  },
  {
    row: 'torch.export',
    source: fixture(torchFiles('zip'), 'exported program'),
    names: ['embed.weight', 'head.weight', 'linear.weight', 'linear.bias', 'turned'],
    layer: 'embed.weight',
  },
  {
    row: 'ONNX',
    source: made('model.onnx', () =>
      model(graph({ initializers: [onnxFloats('fc.weight', [4, 3]), onnxFloats('fc.bias', [4])] })),
    ),
    names: ['fc.weight', 'fc.bias'],
    layer: 'fc.weight',
  },
  {
    row: 'NumPy',
    source: fixture(numpyFiles(), 'Fortran order'),
    names: ['matrix', 'cube', 'big', 'vector'],
    layer: 'matrix',
  },
  {
    row: 'Flax',
    source: fixture(flaxFiles(), 'variables'),
    names: ['params/Conv_0/kernel', 'params/Conv_0/bias', 'params/Dense_0/kernel', 'params/Dense_0/bias'],
    layer: 'params/Dense_0/kernel',
  },
  {
    row: 'TensorFlow',
    source: tensorflowCheckpoint(1),
    names: ['layer/kernel', 'half', 'table'],
    aliases: { 'layer/kernel': 'conv/kernel' },
    layer: 'table',
  },
  {
    row: 'SavedModel',
    source: made('saved_model.pb', () =>
      savedModel(graphDef([constant('dense/kernel', tensorProto([4, 3], content(rampBytes(12))))])),
    ),
    names: ['dense/kernel'],
    layer: 'dense/kernel',
  },
  {
    row: 'frozen graphs',
    source: made('frozen.pb', () => graphDef([constant('dense/kernel', tensorProto([4, 3], content(rampBytes(12))))])),
    names: ['dense/kernel'],
    layer: 'dense/kernel',
  },
  {
    row: 'TensorFlow Lite',
    source: made('model.tflite', () => tfliteFile({ subgraphs: [{ tensors: [tfliteFloats('fc', [4, 3], values)] }] })),
    names: ['fc'],
    layer: 'fc',
  },
  {
    row: 'HDF5',
    source: hdf5('Keras, HDF5'),
    names: [
      ...['first/kernel', 'first/bias'].map((name) => `first/${name}`),
      ...['gamma', 'beta', 'moving_mean', 'moving_variance'].map(
        (name) => `batch_normalization/batch_normalization/${name}`,
      ),
      ...['a_last/kernel', 'a_last/bias'].map((name) => `a_last/${name}`),
    ].map((name) => `model_weights/${name}`),
    layer: 'model_weights/a_last/a_last/kernel',
  },
  {
    row: 'Keras',
    source: hdf5('Keras 3'),
    names: [
      ...['conv2d/vars/0', 'conv2d/vars/1'],
      ...[0, 1, 2, 3].map((i) => `batch_normalization/vars/${i}`),
      ...['dense/vars/0', 'dense/vars/1'],
    ].map((name) => `layers/${name}`),
    aliases: Object.fromEntries(
      [0, 1].flatMap((i) => [
        [`layers/conv2d/vars/${i}`, `first/${i}`],
        [`layers/dense/vars/${i}`, `a_last/${i}`],
      ]),
    ),
    layer: 'layers/dense/vars/0',
  },
  {
    row: 'TensorFlow.js',
    source: smallTensorflowJs(),
    names: ['conv/kernel', 'dense/kernel', 'step'],
    layer: 'dense/kernel',
  },
  {
    row: 'diffusers',
    source: { open: 'model_index.json', lay: (folder) => void writeFiles(folder, pipelineFiles()) },
    names: ['text_encoder/text_model.embeddings.weight', 'unet/down_blocks.0.weight', 'vae/encoder.conv_in.weight'],
    layer: 'unet/down_blocks.0.weight',
    unsaved: /pipeline of several models.*open the one/,
  },
  {
    row: 'shards of safetensors',
    source: smallShards(),
    names: ['a.weight', 'b.weight', 'c.weight'],
    layer: 'a.weight',
  },
  {
    row: 'shards of PyTorch',
    source: torchFolder('sharded', 'pytorch_model.bin.index.json'),
    names: ['embed.weight', 'head.weight', 'layer.0.weight', 'layer.0.bias', 'layer.1.weight'],
    layer: 'layer.0.weight',
  },
  {
    row: 'quantised weights',
    source: quantised(),
    names: ['gptq.weight', 'bnb.weight', 'mlx.weight', 'fp8.weight'],
    layer: 'gptq.weight',
    unsaved: /quantised|decoded|stored/,
  },
  {
    row: 'LoRA’s `delta_weight`',
    source: lora(),
    names: ['lora_A.weight', 'lora_B.weight', 'delta_weight'].map((name) => `base_model.model.h.0.attn.${name}`),
    layer: 'base_model.model.h.0.attn.delta_weight',
    unsaved: /delta_weight/,
  },
];
