/**
 * W += S·Q_rᵀ, Q the orthonormal DCT-II basis: Q[j, k] = √(2/n)·cos(π(2j + 1)k/2n), √(1/n) for k = 0.
 *
 * @see Makhoul 1980
 */
import { addProduct } from './product';
import { assertIndices, type PartDecoder } from './partReader';

export const dct: PartDecoder = (fields, { outputs, inputs }) => {
  const indices = fields.tensor('indices', 'I32');
  const count = indices.shape[0] ?? 0;
  fields.shaped('indices', 'I32', [count]);
  const coefficients = fields.shaped('coefficients', 'floats', [outputs, count]);
  return async (sum, range, read) => {
    const frequencies = await read(indices);
    assertIndices(frequencies, inputs, 'indices');
    addProduct(sum, await read(coefficients, range), basisRows(frequencies, inputs), count, inputs);
  };
};

/** Rows of Qᵀ: one for each frequency, of n elements. */
function basisRows(frequencies: Float64Array, n: number): Float64Array {
  // Multiples of π/2n repeat after 4n: no angle is ever large, and each cosine is computed once.
  const cosines = Float64Array.from({ length: 4 * n }, (_, m) => Math.cos((Math.PI * m) / (2 * n)));
  const rows = new Float64Array(frequencies.length * n);
  for (const [r, k] of frequencies.entries()) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / n);
    for (let j = 0; j < n; j++) rows[r * n + j] = scale * cosines[((2 * j + 1) * k) % (4 * n)]!;
  }
  return rows;
}
