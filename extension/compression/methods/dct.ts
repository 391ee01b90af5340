/**
 * Method `dct`: the columns of largest norm of S = W·Q, Q the orthonormal DCT-II basis of the inputs. What is discarded is
 * orthogonal to what is kept, so the squared error is the sum of its squared norms. No singular vectors are needed.
 */
import { CosineTransform } from '../decomposition/cosineTransform';
import { largestColumns } from '../decomposition/largest';
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
  const { indices, values } = largestColumns({ w: transformed, outputs, inputs }, rank, () => poll(1));
  return { parts: [{ kind: 'dct', indices, coefficients: values }], notes: [] };
};
