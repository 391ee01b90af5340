/** Method `svd`: the best rank-k approximation of a matrix, as two factors of equal weight. @see Eckart & Young 1936 */
import type { ProductPart } from '../../shared/compression/parts';
import { truncatedSvd } from '../truncatedSvd';
import type { LayerMethod } from './method';

export const svd: LayerMethod = ({ w, outputs, inputs, rank }, { kernels, poll }) => {
  const { left, right, numericalRank } = truncatedSvd(w, outputs, inputs, rank, { kernels, onProgress: poll });
  const part: ProductPart = { kind: 'product', rank, left, right };
  return { parts: [part], notes: noiseNotes(rank, numericalRank) };
};

/** What is said of directions beyond the numerical rank. */
export function noiseNotes(rank: number, numericalRank: number): string[] {
  if (numericalRank >= rank) return [];
  return [
    `The matrix has numerical rank ${numericalRank}: the other ${rank - numericalRank} of the ${rank} directions are ` +
      `rounding noise and stored as zeros. Rank ${Math.max(1, numericalRank)} is enough.`,
  ];
}
