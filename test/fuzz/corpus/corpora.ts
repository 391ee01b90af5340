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

export function corpora(): ReadonlyMap<string, readonly Corpus[]> {
  return new Map([
    ['safetensors', safetensorsCorpus()],
    ['sharded safetensors', shardedCorpus()],
    ['sharded pytorch', shardedPytorchCorpus()],
    ['diffusers', pipelineCorpus()],
    ['quantised weights', quantisedCorpus()],
    ['LoRA adapters', loraCorpus()],
    ['distributed', distributedCorpus()],
    ['gguf', ggufCorpus()],
    ['pytorch zip', pytorchZipCorpus()],
    ['pytorch legacy', pytorchLegacyCorpus()],
    ['torchscript', torchScriptCorpus()],
    ['onnx', onnxCorpus()],
    ['numpy', numpyCorpus()],
    ['flax', flaxCorpus()],
    ['hdf5', hdf5Corpus()],
    ['keras', kerasCorpus()],
    ['tensorflow.js', tensorflowJsCorpus()],
    ['tensorflow checkpoint', tensorflowCheckpointCorpus()],
    ['tensorflow graph', tensorflowGraphCorpus()],
    ['tflite', tfliteCorpus()],
  ]);
}
