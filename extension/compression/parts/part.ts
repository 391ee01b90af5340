/** What every kind of part can do: be added up, be stored, say what it costs. One file a kind, listed in `registry.ts`. */
import type { FloatDType } from '../narrow';
import type { Kernels, Poll } from '../../linalg/kernels/kernels';
import type { Part, PartEntry } from '../../shared/compression/parts';
import type { DType } from '../../shared/tensors';

export interface MatrixSize {
  readonly outputs: number;
  readonly inputs: number;
}

/** A tensor of a part, as a file holds it. */
export interface StoredField {
  /** Key in `PartEntry.tensors`. */
  readonly field: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Little-endian, row-major. */
  readonly bytes: Uint8Array;
}

export interface StoredPart<P extends Part> {
  readonly fields: readonly StoredField[];
  readonly values: PartEntry['values'];
  /** The part again, with what a reader of the file will compute with. */
  readonly part: P;
  /** Values that were beyond the range of the dtype. */
  readonly saturated: number;
}

export interface PartCost {
  /** Numbers stored: floats and codes, a packed one as one. Indices count in the bytes alone. */
  readonly parameters: number;
  /** Multiply-adds of Ŵx. */
  readonly multiplyAdds: number;
  /** Numbers held between the products. */
  readonly activations: number;
}

export interface PartOperations<P extends Part> {
  /** Adds the part to `sum`, out × in. `poll` may throw to stop it. */
  addTo(sum: Float64Array, part: P, size: MatrixSize, kernels: Kernels, poll?: Poll): void;
  /** Rounds floats to `dtype`; codes and indices are exact. */
  store(part: P, size: MatrixSize, dtype: FloatDType): StoredPart<P>;
  cost(part: P, size: MatrixSize): PartCost;
  /** Bytes that `store` will take, from sizes alone. */
  bytes(part: P, size: MatrixSize, dtype: FloatDType): number;
}
