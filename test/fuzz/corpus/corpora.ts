/** The hostile corpora of all formats, under the fuzzer's names. */
import type { Corpus } from './corpus';
import { loraCorpus, quantisedCorpus } from './derivedCorpus';
import { distributedCorpus } from './distributedCorpus';
import { flaxCorpus } from './flaxCorpus';
import { ggufCorpus } from './ggufCorpus';
import { hdf5Corpus, kerasCorpus } from './hdf5Corpus';
import { numpyCorpus } from './numpyCorpus';
import { onnxCorpus } from './onnxCorpus';
import { pipelineCorpus } from './pipelineCorpus';
import { pytorchLegacyCorpus, pytorchZipCorpus, torchScriptCorpus } from './pytorchCorpus';
import { safetensorsCorpus, shardedCorpus, shardedPytorchCorpus } from './safetensorsCorpus';
import { tensorflowCheckpointCorpus, tensorflowGraphCorpus } from './tensorflowCorpus';
import { tensorflowJsCorpus } from './tensorflowJsCorpus';
import { tfliteCorpus } from './tfliteCorpus';

/** Each in a few tenths of a second: a worker needs but one of them. */
const CORPORA: ReadonlyMap<string, () => readonly Corpus[]> = new Map([
  ['safetensors', safetensorsCorpus],
  ['sharded safetensors', shardedCorpus],
  ['sharded pytorch', shardedPytorchCorpus],
  ['diffusers', pipelineCorpus],
  ['quantised weights', quantisedCorpus],
  ['LoRA adapters', loraCorpus],
  ['distributed', distributedCorpus],
  ['gguf', ggufCorpus],
  ['pytorch zip', pytorchZipCorpus],
  ['pytorch legacy', pytorchLegacyCorpus],
  ['torchscript', torchScriptCorpus],
  ['onnx', onnxCorpus],
  ['numpy', numpyCorpus],
  ['flax', flaxCorpus],
  ['hdf5', hdf5Corpus],
  ['keras', kerasCorpus],
  ['tensorflow.js', tensorflowJsCorpus],
  ['tensorflow checkpoint', tensorflowCheckpointCorpus],
  ['tensorflow graph', tensorflowGraphCorpus],
  ['tflite', tfliteCorpus],
]);

export const corpusFormats: readonly string[] = [...CORPORA.keys()];

const made = new Map<string, readonly Corpus[]>();

/** Made once. @throws Error for a format that is not one of `corpusFormats` */
export function corporaOf(format: string): readonly Corpus[] {
  const make = CORPORA.get(format);
  if (!make) throw new Error(`no corpus of format ${format}`);
  const known = made.get(format) ?? make();
  made.set(format, known);
  return known;
}
