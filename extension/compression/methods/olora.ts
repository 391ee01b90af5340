/**
 * Method `olora`: an adapter whose left factor has orthonormal columns, the first of Q in W = QR, and the base without it.
 * Base and adapter together are W.
 *
 * @see OLoRA, arXiv 2406.01775; PEFT's `olora_init`
 */
import type { Kernels, Poll } from '../../linalg/kernels/kernels';
import type { ProductPart } from '../../shared/compression/parts';
import { thinLq } from '../decomposition/thinLq';
import { residualBase } from './adapterBase';
import type { LayerMatrix, LayerMethod } from './method';
import { transpose } from '../../linalg/kernels/transpose';

/** 32 MB of float64. */
const BAND_ELEMENTS = 2 ** 22;

export const olora: LayerMethod = (input, tools) => {
  const { w, outputs, inputs, rank } = input;
  const { kernels, poll } = tools;
  // The first columns of Q are those of W made orthonormal, one after the other.
  const leading = new Float64Array(rank * outputs);
  for (let row = 0; row < outputs; row++) {
    for (let c = 0; c < rank; c++) leading[c * outputs + row] = w[row * inputs + c]!;
  }
  const { triangle, rows } = thinLq(leading, rank, (fraction) => poll(fraction / 2));
  const left = transpose(rows, rank, outputs);
  const right = projected(input, rows, rank, kernels, (fraction) => poll((1 + fraction) / 2));
  const adapter: ProductPart = { kind: 'product', rank, left, right };
  let dependent = 0;
  for (let i = 0; i < rank; i++) if (triangle[i * rank + i] === 0) dependent++;
  const notes =
    dependent === 0
      ? []
      : [
          `${dependent} of the first ${rank} columns depend on those before: these directions of the adapter are zero and ` +
            'do not train.',
        ];
  return { parts: [adapter], base: residualBase(input, adapter, tools), notes };
};

/** vectors·W, band by band of the rows of W. */
function projected(
  { w, outputs, inputs }: LayerMatrix,
  vectors: Float64Array,
  count: number,
  kernels: Kernels,
  poll: Poll,
): Float64Array {
  const sum = new Float64Array(count * inputs);
  const step = Math.max(1, Math.floor(BAND_ELEMENTS / inputs));
  for (let start = 0; start < outputs; start += step) {
    poll(start / outputs);
    const length = Math.min(step, outputs - start);
    const some = new Float64Array(count * length);
    for (let i = 0; i < count; i++) {
      some.set(vectors.subarray(i * outputs + start, i * outputs + start + length), i * length);
    }
    const band = w.subarray(start * inputs, (start + length) * inputs);
    const part = kernels.multiply(some, band, count, inputs, length, false, false);
    for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + part[i]!;
  }
  return sum;
}
