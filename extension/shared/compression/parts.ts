/**
 * The parts that a compressed matrix is the sum of, in memory and in files. W is out × in, as y = Wx has it, row-major.
 * A file has its parts' tensors under `<weight>.<part><index>.<field>` and says in `eigenscope.parts` how to add them up.
 */
import type { QuantiserName } from './methodOptions';

/** W += left · right. */
export interface ProductPart {
  readonly kind: 'product';
  readonly rank: number;
  /** out × rank. */
  readonly left: Float64Array;
  /** rank × in. */
  readonly right: Float64Array;
}

/** Blocks of few bits; nothing else is stored where a value is on the grid. */
export interface QuantisedPart {
  readonly kind: 'quantised';
  readonly quantiser: QuantiserName;
  readonly bits: number;
  /** Elements of a row that share a scale: a row's last block may be shorter. */
  readonly block: number;
  /** One code an element, row-major, not packed; `checkpoint/quantised/blockCodes.ts` says what each stands for. */
  readonly codes: Uint8Array;
  /** out × ⌈in/block⌉, numbers of the type in which a file holds them (`scalesType`). */
  readonly scales: Float64Array;
}

/** W[:, indices[c]] += values[:, c]. */
export interface ColumnsPart {
  readonly kind: 'columns';
  readonly indices: Uint32Array;
  /** out × indices.length. */
  readonly values: Float64Array;
}

/** W[row, column] += value, sorted by row and column, each place once. */
export interface SparsePart {
  readonly kind: 'sparse';
  readonly rows: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

/** W += S·Q_rᵀ with the orthonormal DCT-II basis Q: its columns `indices`. */
export interface DctPart {
  readonly kind: 'dct';
  readonly indices: Uint32Array;
  /** out × indices.length. */
  readonly coefficients: Float64Array;
}

/** W as a matrix product operator. Core i is bonds[i] × rowSizes[i] × columnSizes[i] × bonds[i+1]. */
export interface TensorTrainPart {
  readonly kind: 'tensor-train';
  /** Their product is out. */
  readonly rowSizes: readonly number[];
  /** Their product is in. */
  readonly columnSizes: readonly number[];
  /** One more than there are cores; the first and the last are 1. */
  readonly bonds: readonly number[];
  readonly cores: readonly Float64Array[];
}

/**
 * W[i, :] += Σ_s values[i, s] · dictionary[atoms[i, s], :]: every output is a sum of few atoms. A file has the atoms of an
 * output as a mask of `size` bits, lowest bit first, ⌈size/8⌉ bytes (U8, out × ⌈size/8⌉, field `mask`).
 */
export interface DictionaryPart {
  readonly kind: 'dictionary';
  readonly size: number;
  readonly nonzeros: number;
  /** size × in. */
  readonly dictionary: Float64Array;
  /** out × nonzeros, ascending in each row, each atom once. */
  readonly atoms: Uint32Array;
  /** out × nonzeros. */
  readonly values: Float64Array;
}

/** W += C·U·R: columns and rows of the original, and what lies between them. */
export interface CurPart {
  readonly kind: 'cur';
  readonly columnIndices: Uint32Array;
  readonly rowIndices: Uint32Array;
  /** out × columns. */
  readonly columns: Float64Array;
  /** columns × rows. */
  readonly core: Float64Array;
  /** rows × in. */
  readonly rows: Float64Array;
}

export type Part =
  ProductPart | QuantisedPart | ColumnsPart | SparsePart | DctPart | TensorTrainPart | DictionaryPart | CurPart;

export type PartKind = Part['kind'];

/** Metadata key of a file whose weights are in parts. */
export const PARTS_KEY = 'eigenscope.parts';

/**
 * The manifest. Fields of numbers and lists of a part stand in it as they are; fields that are arrays are names of tensors:
 * floats in the dtype that the file was saved in, indices as I32, codes packed as the quantiser's decoder wants them. Every
 * shard has the whole manifest. Of a stack of experts that was compressed one by one, each other expert is a tensor
 * `name[index]`.
 */
export interface PartsManifest {
  readonly version: 1;
  /** By the name of the weight that the parts stand for. */
  readonly weights: Readonly<Record<string, PartsWeight>>;
}

export interface PartsWeight {
  /** As the weight was stored. */
  readonly shape: readonly number[];
  readonly dtype: string;
  /** The weight is stored in × out, so that Wᵀ, reshaped, is the tensor. */
  readonly transposed: boolean;
  readonly parts: readonly PartEntry[];
  /** Name of the tensor with the layer's bias, if the method changed it or made one. */
  readonly bias?: string;
}

export interface PartEntry {
  readonly kind: PartKind;
  /** From the field to the tensor's name. */
  readonly tensors: Readonly<Record<string, string>>;
  /** Fields that are no tensors. */
  readonly values: Readonly<Record<string, number | string | readonly number[]>>;
}
