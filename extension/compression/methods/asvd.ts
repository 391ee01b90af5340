/** Method `asvd`: SVD with the inputs weighted by the root of their mean magnitude. @see arXiv 2312.05821 */
import { diagonalMetric } from '../decomposition/layerMetrics';
import { weightedSvd } from './weightedSvd';

export const asvd = weightedSvd((input) => diagonalMetric(input.statistics, input));
