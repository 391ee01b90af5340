/**
 * Kernels over a tensor's elements: exact widening of the narrow types and the sums of plain statistics. Both work on pieces
 * that stay in the second-level cache, copied into and out of one small WASM instance.
 */
import wasm from '../../../dist/kernels.wasm';
import type { DType } from '../../shared/tensors';

/** Types of 8 and 16 bits that are not integers. */
export type NarrowType = 'BF16' | 'F16' | 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ' | 'F8_E8M0';

const ELEMENT_BYTES: Readonly<Record<NarrowType, number>> = {
  BF16: 2,
  F16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
};

export function isNarrow(dtype: DType): dtype is NarrowType {
  return Object.hasOwn(ELEMENT_BYTES, dtype);
}

/** Sums over one block of elements. If an element is NaN or ±Inf, or a sum overflows, the sums that hold it are too. */
export interface BlockMoments {
  sum: number;
  /** Smallest element, NaN left out. */
  min: number;
  max: number;
  zeros: number;
  /** Σ(x − sum/n)² */
  deviations: number;
  /** Σx² */
  squares: number;
}

export interface ElementKernels {
  /**
   * Elements as float64, exactly.
   *
   * @param bytes whole elements, at any byte offset of their buffer
   * @param out exactly as long as there are elements
   * @throws RangeError where the lengths do not fit
   */
  readonly widen: (bytes: Uint8Array, dtype: NarrowType, out: Float64Array) => void;
  /**
   * @param block 1 to `MAX_BLOCK` elements
   * @throws RangeError beyond
   */
  readonly moments: (block: Float64Array) => BlockMoments;
}

/** Elements of a piece: 128 kB of float64, half of a small second-level cache. A multiple of the kernels' groups. */
const PIECE = 16_384;

/** Elements of a block of statistics. */
export const MAX_BLOCK = PIECE;

type Exports = {
  memory: WebAssembly.Memory;
  memoryStart(): number;
  moments(x: number, count: number, out: number): void;
} & { [K in NarrowType as `widen${K}`]: (to: number, from: number, count: number) => void };

const SUMS = 6;
const PAGE = 65_536;
const ALIGNMENT = 64;

/** @throws WebAssembly.CompileError where the runtime cannot compile them, for instance without SIMD */
function createElementKernels(): ElementKernels {
  const exports = new WebAssembly.Instance(new WebAssembly.Module(wasm), {}).exports as Exports;
  const { memory } = exports;
  const start = Math.ceil(exports.memoryStart() / ALIGNMENT) * ALIGNMENT;
  const [elements, stored, out] = [start, start + 8 * PIECE, start + 8 * PIECE + 2 * PIECE];
  const missing = out + 8 * SUMS - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  const piece = new Float64Array(memory.buffer, elements, PIECE);
  const bytesIn = new Uint8Array(memory.buffer, stored, 2 * PIECE);
  const sums = new Float64Array(memory.buffer, out, SUMS);

  return {
    widen(bytes, dtype, target) {
      const size = ELEMENT_BYTES[dtype];
      if (bytes.length !== target.length * size) {
        throw new RangeError(`${bytes.length} bytes are not ${target.length} elements of ${dtype}`);
      }
      const widenPiece = exports[`widen${dtype}`];
      for (let done = 0; done < target.length; done += PIECE) {
        const count = Math.min(PIECE, target.length - done);
        bytesIn.set(bytes.subarray(done * size, (done + count) * size));
        widenPiece(elements, stored, count);
        target.set(count === PIECE ? piece : piece.subarray(0, count), done);
      }
    },
    moments(block) {
      if (block.length > MAX_BLOCK) throw new RangeError(`a block has at most ${MAX_BLOCK} elements`);
      piece.set(block);
      exports.moments(elements, block.length, out);
      return {
        sum: sums[0]!,
        min: sums[1]!,
        max: sums[2]!,
        zeros: sums[3]!,
        deviations: sums[4]!,
        squares: sums[5]!,
      };
    },
  };
}

let loaded: ElementKernels | undefined;

/**
 * This thread's kernels, compiled at the first call.
 *
 * @throws WebAssembly.CompileError where the runtime cannot compile them
 */
export function loadElementKernels(): ElementKernels {
  return (loaded ??= createElementKernels());
}
