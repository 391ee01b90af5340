/**
 * Method `dct`: the columns of largest norm of S = W·Q, Q the orthonormal DCT-II basis of the inputs. What is discarded is
 * orthogonal to what is kept, so the squared error is the sum of its squared norms. No singular vectors are needed.
 */
import { CosineTransform } from '../decomposition/cosineTransform';
import type { LayerMethod } from './method';

/** Numbers transformed between two polls: some 20 ms. */
const PIECE = 2 ** 18;

export const dct: LayerMethod = ({ w, outputs, inputs, rank }, { poll }) => {
  const transformed = w.slice();
  const transform = new CosineTransform(inputs);
  // An even number of rows: two are transformed at a time.
  const step = 2 * Math.max(1, Math.floor(PIECE / inputs / 2));
  for (let row = 0; row < outputs; row += step) {
    poll(row / outputs);
    transform.forward(transformed.subarray(row * inputs, Math.min(outputs, row + step) * inputs));
  }
  const indices = largestColumns(transformed, inputs, rank);
  const coefficients = new Float64Array(outputs * rank);
  for (let row = 0; row < outputs; row++) {
    for (let c = 0; c < rank; c++) coefficients[row * rank + c] = transformed[row * inputs + indices[c]!]!;
  }
  return { parts: [{ kind: 'dct', indices, coefficients }], notes: [] };
};

/** Indices of the `count` columns of largest norm, ascending; of equal norms the first. */
function largestColumns(matrix: Float64Array, columns: number, count: number): Uint32Array {
  const norms = new Float64Array(columns);
  for (let start = 0; start < matrix.length; start += columns) {
    for (let j = 0; j < columns; j++) norms[j] = norms[j]! + matrix[start + j]! ** 2;
  }
  const order = Array.from(norms.keys()).sort((a, b) => norms[b]! - norms[a]! || a - b);
  return Uint32Array.from(order.slice(0, count)).sort();
}
