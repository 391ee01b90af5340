/**
 * What a pickle is read into. Python's containers become plain holders, tensors and storages become descriptions of
 * where their bytes lie, and everything unknown becomes a `PickleObject` that only carries names and parts.
 */
import type { DType, PackedType } from '../../shared/tensors';

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  /** `bytes`, `bytearray`, and Python 2 strings that are not ASCII. */
  | Uint8Array
  | PickleSequence
  | PickleDict
  | PickleGlobal
  | PickleObject
  | PickleDType
  | PickleStorage
  | PickleTensor
  | PickleArray
  | PickleUnreadable;

export class PickleSequence {
  constructor(
    readonly kind: 'list' | 'tuple' | 'set',
    readonly items: PickleValue[],
  ) {}
}

export class PickleDict {
  private map: Map<PickleValue, PickleValue> | undefined;

  /** A later value of the same key replaces the earlier, which keeps its place, as in Python. */
  set(key: PickleValue, value: PickleValue): void {
    // Made on first use: a hostile pickle can ask for millions of empty ones, one byte each.
    (this.map ??= new Map<PickleValue, PickleValue>()).set(key, value);
  }

  get(key: PickleValue): PickleValue | undefined {
    return this.map?.get(key);
  }

  get size(): number {
    return this.map?.size ?? 0;
  }

  entries(): Iterable<[PickleValue, PickleValue]> {
    return this.map ?? [];
  }
}

/** A name that the pickle mentions: a class or function that is never looked up anywhere but in our own table. */
export class PickleGlobal {
  readonly name: string;

  constructor(module: string, name: string) {
    this.name = `${module}.${name}`;
  }
}

/** Inert placeholder of an object that Python would have built by calling `global`. */
export class PickleObject {
  /** What BUILD gave it. */
  state: PickleValue | undefined;
  /** What APPEND and SETITEM gave it. */
  items: PickleSequence | undefined;
  entries: PickleDict | undefined;

  constructor(
    readonly global: string,
    readonly args: PickleValue,
  ) {}
}

/** An element type: `torch.float32`, … */
export class PickleDType {
  constructor(
    readonly name: string,
    /** Undefined where this program has no such element type. */
    readonly dtype: DType | undefined,
    /** Bytes of one element. */
    readonly bytes: number,
    /** Where one element of `dtype` is several of these along the last axis. */
    readonly packed?: PackedType,
  ) {}
}

/** NumPy's, whose byte order is told by BUILD after it was made. */
export class NumpyDType extends PickleDType {
  bigEndian = false;
}

/** A storage: a run of elements somewhere in the checkpoint's files, named by its key. */
export class PickleStorage {
  constructor(
    readonly key: string,
    readonly type: PickleDType,
    /** Elements of the storage's own type. */
    readonly length: number,
    /** Elements before it in the storage that the key names (legacy storage views). */
    readonly viewOffset = 0,
  ) {}
}

/** Elements inside the pickle itself (NumPy arrays). */
export class PickleBytes {
  constructor(readonly bytes: Uint8Array) {}
}

/** A strided view on a storage. Not yet checked against the storage's real size. */
export class PickleTensor {
  constructor(
    readonly storage: PickleStorage | PickleBytes,
    readonly dtype: DType,
    /** In elements of `dtype`. */
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly traits: TensorTraits = PLAIN,
  ) {}
}

/** What makes a tensor more than a view on plain elements. */
export interface TensorTraits {
  /** Set where the elements are big-endian, whatever the file's byte order. */
  readonly bigEndian?: boolean;
  /** Where one element of `dtype` is several of these along the last axis. */
  readonly packed?: PackedType;
  /** How the elements become numbers, where they are codes. */
  readonly quantiser?: PickleQuantiser;
  /** The larger tensor that these are some elements of, and its class. */
  readonly partOf?: { readonly name: string; readonly shape: readonly number[] };
}

const PLAIN: TensorTraits = {};

/** (code − zero point) · scale: one of each for the whole tensor, or one for each index of an axis. */
export interface PickleQuantiser {
  /** For people: `qint8 per channel`. */
  readonly name: string;
  readonly scales: PickleTensor | Float64Array;
  readonly zeroPoints: PickleTensor | Float64Array;
  /** Undefined for one scale. */
  readonly axis?: number;
}

/** A NumPy array: made empty, then given its elements by BUILD. */
export class PickleArray {
  content: PickleTensor | PickleUnreadable = new PickleUnreadable('malformed', 'a NumPy array without its state');
}

/** A tensor that cannot be read, and why: it takes the tensor's place, so that the tensor can be named. */
export class PickleUnreadable {
  constructor(
    readonly code: 'unsupported' | 'malformed' | 'limit',
    readonly reason: string,
    /** What is known all the same: the tensor is then listed, not only named. */
    readonly known?: KnownTensor,
  ) {}
}

/** What the table shows of a tensor whose elements cannot be read. The shape is one that can exist. */
export interface KnownTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly encoding: { readonly name: string; readonly byteLength: number };
}

/** A tensor of any kind, one that cannot be read too. */
export function isTensor(value: PickleValue | undefined): value is PickleTensor | PickleArray | PickleUnreadable {
  return value instanceof PickleTensor || value instanceof PickleArray || value instanceof PickleUnreadable;
}
