/** Method `svd`: the best rank-k approximation of a matrix, as two factors of equal weight. @see Eckart & Young 1936 */
import { truncatedSvd } from '../truncatedSvd';
import type { LayerMethod } from './method';
import { noiseNotes, productOf } from './weightedSvd';

export const svd: LayerMethod = ({ w, outputs, inputs, rank, directions }, { kernels, poll }) => {
  const found = truncatedSvd(w, outputs, inputs, rank, { kernels, onProgress: poll }, directions);
  return { parts: [productOf(found)], notes: noiseNotes(rank, found.numericalRank) };
};
