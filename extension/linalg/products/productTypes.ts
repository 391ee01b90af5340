/** Matrix products and where they come from. */
import type { DeviceInfo } from '../../shared/devices';

/**
 * Row-major float64 C (m×n) = op(A)·op(B), op(A) m×k, op(B) k×n; A is stored k×m where `transA`, B n×k where `transB`.
 */
export type Multiply = (
  a: Float64Array,
  b: Float64Array,
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
) => Promise<Float64Array>;

/** C (m×n) += op(A)·op(B), in place. */
export type Accumulate = (c: Float64Array, ...product: Parameters<Multiply>) => Promise<void>;

/** What does the products. */
export interface ProductSource {
  /** `cpu`, or `wasm` and `typescript` where onnxruntime does not. */
  provider: string;
  precision: 'float64';
  refused: DeviceInfo['refused'];
  threads: number;
}

export interface MatrixProducts {
  readonly device: ProductSource;
  /**
   * Large products are done in pieces with a turn of the event loop between them.
   *
   * @throws RangeError where a length does not fit the sizes
   * @throws Error where onnxruntime fails
   */
  readonly multiply: Multiply;
  /** The same, added to a matrix that is there already. */
  readonly accumulate: Accumulate;
  dispose(): Promise<void>;
}

/** A way to do products that must be opened first, and released when done. */
export interface OpenedProducts {
  multiply: Multiply;
  accumulate: Accumulate;
  release: () => Promise<void>;
  threads: number;
}
