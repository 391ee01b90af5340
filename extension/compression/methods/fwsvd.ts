/** Method `fwsvd`: SVD with the rows weighted by the root of their Fisher information. @see arXiv 2207.00112 */
import { fisherMetric } from '../decomposition/layerMetrics';
import { weightedSvd } from './weightedSvd';

export const fwsvd = weightedSvd((input) => fisherMetric(input.statistics, input));
