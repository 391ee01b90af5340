/** Method `svd`: the best rank-k approximation of a matrix, as two factors of equal weight. @see Eckart & Young 1936 */
import { PLAIN } from '../decomposition/metric';
import { weightedSvd } from './weightedSvd';

export const svd = weightedSvd(() => PLAIN);
