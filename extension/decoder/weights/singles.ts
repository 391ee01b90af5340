/** Stored elements as float32. Wider ones (F64, 32-bit integers) are rounded once. */
import { elementSize, widen } from '../../checkpoint/elements/dtype';
import type { DType } from '../../shared/tensors';

/** Elements that are widened at a time: 2 MB of float64. */
const AT_ONCE = 2 ** 18;

/** @throws CheckpointError `unsupported` for complex types */
export function singles(bytes: Uint8Array, dtype: DType): Float32Array {
  if (dtype === 'F32' && bytes.byteOffset % 4 === 0) {
    return new Float32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4);
  }
  const size = elementSize(dtype);
  const result = new Float32Array(bytes.length / size);
  const scratch = new Float64Array(Math.min(AT_ONCE, result.length));
  for (let from = 0; from < result.length; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, result.length - from);
    result.set(widen(bytes.subarray(from * size, (from + count) * size), dtype, scratch), from);
  }
  return result;
}
