/** Method `svd-llm`: SVD whitened by the Gram matrix of the inputs; the discarded σ are the outputs' error. @see arXiv 2403.07378 */
import { gramMetric } from '../decomposition/layerMetrics';
import { weightedSvd } from './weightedSvd';

export const svdLlm = weightedSvd((input, tools) => gramMetric(input.statistics, input, tools));
