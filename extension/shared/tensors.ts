/** What a checkpoint says of itself and of its tensors, as every process sees it. */

/** Element types a checkpoint may store, in safetensors' spelling. */
export type DType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ'
  | 'F8_E8M0'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL'
  | 'C64'
  | 'C128';

/** Something that could not be read or analysed: a person reads it in a notification or a table row. */
export interface Problem {
  /** Stable machine-readable code, for instance `truncated`, `missing-shard`, `not-finite`. */
  code: string;
  /** One sentence that names what is wrong, where, and what to do. */
  message: string;
  /** The file it is about. */
  file?: string;
  /** Byte offset in that file. */
  offset?: number;
  /** Tensor or layer it is about. */
  tensor?: string;
}

/** One tensor as the table shows it. Known from headers alone. */
export interface TensorSummary {
  /** The state_dict's own name; a wrapper key is prefixed only where two wrappers hold the same name. */
  name: string;
  /** What other programs call it: Hugging Face's name of a GGUF tensor. */
  alias?: string;
  /** Wrapper path inside a training checkpoint (`state_dict`, `optimizer.state`, …); empty for a plain state_dict. */
  group: string;
  shape: number[];
  dtype: DType;
  /** How the elements are stored where that is not plainly as `dtype`: `Q4_0`, say. */
  encoding?: string;
  /** Product of the shape. */
  parameters: number;
  /** Bytes of the elements as stored. */
  bytes: number;
  /** Names of the layers (units of spectral analysis) in this tensor; empty where it has no spectrum. */
  layers: string[];
  /** Why it has no spectrum, in words, where `layers` is empty. */
  noSpectrum?: string;
  /** Another tensor of the checkpoint over the very same stored bytes, or the same once more (tied weights). */
  sharedWith?: string;
  /** What the tensor is if it is no part of the model. It counts in no total, and no verdict is given on its alpha. */
  notModel?: NotModel;
}

/** What checkpoints hold beside a model. Each is a word or two that a person reads. */
export type NotModel =
  | 'optimizer state'
  | 'random state'
  /** Schedulers, loss scalers, callbacks, counters. */
  | 'training state'
  /** A module that is pickled once more beside the weights, as an argument of its class. */
  | 'copied module'
  /** Scales of activations, names of formats. */
  | 'quantisation setting';

/** What many tensors have in common. */
export type TensorKind = Omit<TensorSummary, 'name' | 'alias' | 'layers' | 'sharedWith'>;

/**
 * Tensors on their way between processes (`packedTensors.ts`): most differ in nothing but their names, and 100 000
 * objects of the same keys would take seconds to write, to read and to copy at each border.
 */
export interface PackedTensors {
  names: PackedNames;
  /** Other programs' names of the tensors that have one, by index. Absent if none has. */
  aliases?: { of: Uint32Array; names: PackedNames };
  kinds: TensorKind[];
  /** Index into `kinds`, for each name. */
  kindOf: Uint32Array;
  /** Layers of the tensors, by index, that are not their own single layer. */
  layers: [tensor: number, names: string[]][];
  sharedWith: [tensor: number, name: string][];
}

/** Each name by what it adds to the beginning of the one before: a quarter of the text, in one piece. */
export interface PackedNames {
  /** UTF-16 units that it begins with as the one before does. */
  shared: Uint32Array;
  /** Units that follow those. */
  added: Uint32Array;
  /** What is added, of all names. */
  text: string;
}

/** A part of a layer's matrix that can be looked at by itself, as a layer of that name. */
export interface PartSummary {
  /** `<tensor>[q]`, `<tensor>[q.head3]`, `<tensor>[5.gate]` of an expert. */
  name: string;
  /** Within its layer: `q`, `q.head3`, `gate`. */
  label: string;
  /** Label of the part that it lies in. */
  within?: string;
  shape: [number, number];
}

export interface LayerParts {
  /** Each before those that lie in it. */
  parts: PartSummary[];
  /** Why a layer that has parts by its name has none here, in words. */
  reason?: string;
}

export type PackedSummary = Omit<CheckpointSummary, 'tensors'> & { tensors: PackedTensors };

/** One shard of a model that was opened by itself. */
export interface ShardOfModel {
  /** From 1. */
  number: number;
  total: number;
  /** What to open for all of them: their index, or their folder. Absent where some are missing. */
  whole?: string;
}

export interface CheckpointSummary {
  /** Handle for later requests. */
  document: string;
  path: string;
  /** Registry name: `safetensors`, `pytorch`, `torchscript`, `onnx`, `tensorflow.js`, … */
  format: string;
  /** Every file that it depends on, absolute. */
  files: string[];
  /** Absent for what is no shard, and for a model in shards that was opened whole. */
  shard?: ShardOfModel;
  /** How many of them hold its elements: not an index, a configuration or an adapter's base model. */
  weightFiles: number;
  /** Another one where a file's place, size or time is another. */
  version: string;
  /**
   * Parameters of the model: tied weights count once, and tensors that are no part of the model (`notModel`) not at all,
   * here and in `bytes` and `dtypes`.
   */
  parameters: number;
  /** Sum of tensors' `bytes`. */
  bytes: number;
  /** What the checkpoint holds of its optimizer; absent where that is nothing. */
  optimizer?: { tensors: number; bytes: number };
  /** Tensors that are no part of the model and no optimizer state either; absent if there are none. */
  beside?: { tensors: number; bytes: number };
  /** What the names and a `config.json` beside the file suggest, for instance `LLaMA (5 blocks, hidden 64)`. */
  architecture: string;
  /** Parameters by how they are stored (encoding, else dtype), largest first. */
  dtypes: { dtype: string; parameters: number }[];
  /** Free-form key/value pairs from the file's header. */
  metadata: Record<string, string>;
  tensors: TensorSummary[];
  problems: Problem[];
}

/** Axis order of convolution kernels. */
export type KernelLayout = 'OI…' | '…IO' | 'O…I' | '…O';

export type RecurrentOperator = 'LSTM' | 'GRU' | 'RNN';

/** `count` runs of `length` indices along an axis: the first begins at `start`, each `step` after the one before. */
export interface Runs {
  readonly start: number;
  readonly length: number;
  readonly step: number;
  readonly count: number;
}

export type PackedType = 'F4' | 'F6_E2M3' | 'F6_E3M2' | 'I4' | 'U4' | 'I2' | 'U2';
