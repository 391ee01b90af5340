/**
 * A checkpoint as the rest of the program sees it: named tensors whose bytes can be read in row bands. Each format
 * (`registry.ts`) lists its tensors, and `SourcedCheckpoint` does the rest; nothing here knows what a matrix means.
 */
import type { FormatName } from '../shared/names/checkpointNames';
import type { MatrixAxes } from '../shared/matrixAxes';
import type { DType, NotModel, Problem, KernelLayout, RecurrentOperator, Runs, PackedType } from '../shared/tensors';

export interface TensorInfo {
  /** The state_dict's own name, unique in the checkpoint. */
  readonly name: string;
  /** What other programs call it, where that is known: Hugging Face's name of a GGUF tensor. */
  readonly alias?: string;
  /** Wrapper path inside a training checkpoint; '' for a plain state_dict. */
  readonly group: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Bytes of all elements as `read` gives them, contiguous: product of shape × element size. */
  readonly byteLength: number;
  /** How the file stores the elements where that is not plainly as `dtype` (`Q4_0`): `read` gives them decoded. */
  readonly encoding?: { readonly name: string; readonly byteLength: number };
  /** Why `read` cannot give the elements, in words: the tensor is listed all the same, from the header alone. */
  readonly unreadable?: string;
  /**
   * Axis order of convolution kernels: `OI…` (PyTorch, ONNX: out, in, spatial…), `…IO` (TensorFlow, Keras: spatial…,
   * in, out), `O…I` (TFLite: out, spatial…, in) or `…O` (TFLite's depthwise kernels: spatial…, out, with one input
   * each). Matters for rank ≥ 3 only.
   */
  readonly kernelLayout: KernelLayout;
  /**
   * The recurrent operator of a graph that it is the W or R of: one matrix for each direction, in which the gates lie one
   * below another (ONNX). Undefined where only names and shapes tell.
   */
  readonly recurrent?: RecurrentOperator;
  /**
   * What the operators of a graph take it for, where they are known: a convolution's kernel, a stack of matrices along its
   * first axis, or vectors beside one another (biases of several directions). Else names and shapes tell.
   */
  readonly usedAs?: 'kernel' | 'matrices' | 'vectors';
  /**
   * The operators of a graph say that the rows of this matrix are inputs (x·W, or a table that rows are looked up in).
   * Undefined where the columns are, or where only names and shapes tell.
   */
  readonly inputsFirst?: true;
  /** How its axes make up matrices, where the model's configuration says so. */
  readonly matrixAxes?: MatrixAxes;
  /** The factors that it is the product of, if it is not stored: `read` multiplies. */
  readonly product?: FactorProduct;
  /** The stored tensors that it is computed from, if it is not stored and no product of two: `read` computes. */
  readonly madeOf?: readonly TensorInfo[];
  /** Name of the weight that it is a stored part of: that one has the spectrum. */
  readonly partOf?: string;
  /** The stored tensor whose axes it has in another form. */
  readonly folded?: Fold;
  /** The stored tensor that it is a part of. */
  readonly slice?: TensorSlice;
  /**
   * Name of the tensor whose elements these are, if it has the very same stored bytes and view (tied weights), or if
   * the model ties this one to it as a copy. They count once. That tensor has no `sharedWith`.
   */
  readonly sharedWith?: string;
  /** What it is if it is no part of the model: optimizer state, say. Set only where the file's structure says so. */
  readonly notModel?: NotModel;
}

/** scale · L·R with L rows × rank and R rank × (all other axes). */
export interface FactorProduct {
  readonly left: Factor;
  readonly right: Factor;
  readonly rank: number;
  readonly scale: number;
  /** What the product is added to, where that is at hand. */
  readonly base?: { readonly checkpoint: Checkpoint; readonly tensor: TensorInfo };
}

/** A stored tensor, or its transpose. */
export interface Factor {
  readonly tensor: TensorInfo;
  readonly transposed: boolean;
}

export interface Checkpoint {
  readonly path: string;
  readonly format: string;
  /** Every file that it depends on, absolute: also its index, its configuration, an adapter's base model. */
  readonly files: readonly string[];
  /** How many of `files` hold its elements; all of them where absent. */
  readonly weightFiles?: number;
  readonly metadata: Readonly<Record<string, string>>;
  /** In file order. Only tensors that can be read, or that say why they cannot (`unreadable`). */
  readonly tensors: readonly TensorInfo[];
  /** What was wrong with the rest: tensors of unknown dtype, missing shards, ranges outside the file. */
  readonly problems: readonly Problem[];
  /**
   * Elements of rows [start, end) along the first axis (all rows by default; scalars have one row), contiguous,
   * row-major, little-endian, of the type `dtype`. The buffer belongs to the caller.
   *
   * @throws CheckpointError `unsupported` where the tensor is `unreadable`, `changed` where the file is no longer the one that was opened, `truncated`, `io`, …
   * @throws DOMException `AbortError` when `signal` fires
   */
  read(tensor: TensorInfo, rows?: { start: number; end: number }, signal?: AbortSignal): Promise<Uint8Array>;
  /** Why no copy can be saved as one file; reads after the checkpoint's name. */
  readonly unsavable?: string;
  /**
   * The stored tensors that `read` decodes this one from, where they are such as safetensors can hold: a copy can then
   * leave them as they are. Undefined where `read` gives what is stored, or what is stored has no such form.
   */
  storedParts?(tensor: TensorInfo): readonly StoredPart[] | undefined;
  /**
   * The bytes of a tensor that is stored exactly as `read` gives it, for copies: they go from file to file. Undefined where
   * `read` decodes, multiplies or reorders.
   */
  storedBytes?(tensor: TensorInfo): StoredBytes | undefined;
  /** Closes the files; reads afterwards throw. */
  close(): Promise<void>;
}

/** A file that is open for writing. */
export interface OpenedTarget {
  readonly fd: number;
}

export interface StoredBytes {
  /**
   * Writes bytes [start, end) of the tensor at `position` of another file.
   *
   * @throws as `Checkpoint.read`; what writing throws, as it is
   */
  copyTo(target: OpenedTarget, position: number, start: number, end: number): Promise<void>;
}

/** A tensor as a safetensors file holds it, its elements perhaps packed. */
export interface StoredPart {
  readonly name: string;
  readonly dtype: DType | PackedType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Stored bytes [start, end); errors as `Checkpoint.read`. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** One format: its folder (`safetensors/`, `pytorch/`, …) exports one of these and `registry.ts` lists it. */
export interface CheckpointFormat {
  /** Its files' names are in `shared/names/checkpointNames.ts` under this one. */
  readonly name: FormatName;
  /** True where the first bytes (at least 16 where the file has them) or the path belong to this format. */
  matches(path: string, head: Uint8Array): boolean;
  /** Reads headers only. @throws CheckpointError */
  open(path: string, signal?: AbortSignal): Promise<Checkpoint>;
}

export interface TensorSlice {
  /** The stored tensor, of 2 axes, or of 3: a stack of matrices. */
  readonly of: TensorInfo;
  /** Index of the matrix in a stack. */
  readonly index?: number;
  readonly rows: Runs;
  readonly cols: Runs;
}

export interface Fold {
  readonly of: TensorInfo;
  readonly axes: MatrixAxes;
}
