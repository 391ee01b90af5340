/** Sound checkpoints that the fuzzer damages: small ones made here, and the reference checkpoints where they exist. */
import { hdf5Fixtures } from '../harness/checkpoints/hdf5Files';
import { ramp, safetensorsBytes } from '../harness/checkpoints/safetensorsFixtures';
import { tfliteFile } from '../harness/checkpoints/tfliteWriter';
import { layTorchFolder, torchFolders } from '../harness/checkpoints/torchFolders';
import flaxFixtures from '../unit/checkpoint/flax/flaxFixtures.json';
import numpyFixtures from '../unit/checkpoint/numpy/numpyFixtures.json';
import torchFixtures from '../unit/checkpoint/pytorch/torchFixtures.json';
import { quantised, lora, parts, smallShards, smallPipeline, cachedModel, referenceShards } from './folderSources';
import { smallGguf, ggufParts } from './ggufSources';
import { smallOnnx, quantisedOnnx, externalOnnx } from './onnxSources';
import { type Source, made, reference } from './source';
import {
  SMALL_TFLITE,
  largeTflite,
  smallTensorflowJs,
  sampleTensorflowJs,
  smallTensorflowGraph,
  smallSavedModel,
  tensorflowCheckpoint,
} from './tensorflowSources';

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
        parts(),
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
