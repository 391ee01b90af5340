/**
 * The formats of weights. Adding one is a folder and a line here; `openModel.ts` opens what they recognise.
 */
import type { CheckpointFormat } from './checkpoint';
import { distributedFormat } from './pytorch/distributed';
import { flaxFormat } from './flax/flax';
import { ggufFormat } from './gguf/gguf';
import { hdf5Format } from './hdf5/hdf5';
import { kerasFormat } from './keras/keras';
import { numpyFormat } from './numpy/numpy';
import { onnxFormat } from './onnx/onnx';
import { pytorchFormat } from './pytorch/pytorch';
import { safetensorsFormat } from './safetensors/safetensors';
import { shardedFormat } from './folders/shardedCheckpoint';
import { tensorBundleFormat } from './tensorflow/tensorBundle';
import { frozenGraphFormat, savedModelFormat } from './tensorflow/tensorflowGraphFile';
import { tensorflowJsFormat } from './tensorflowJs/tensorflowJs';
import { tfliteFormat } from './tflite/tflite';

/** The first that recognises a file opens it: unmistakable beginnings come before those that are guessed. */
export const weightFormats: readonly CheckpointFormat[] = [
  safetensorsFormat,
  shardedFormat,
  ggufFormat,
  tfliteFormat,
  hdf5Format,
  tensorflowJsFormat,
  kerasFormat,
  distributedFormat,
  numpyFormat,
  pytorchFormat,
  tensorBundleFormat,
  savedModelFormat,
  frozenGraphFormat,
  onnxFormat,
  flaxFormat,
];
