/**
 * The spectrum that `svd-llm` cuts: all λ = σ² of W·L, C = LLᵀ the Gram matrix of the inputs. What is cut of it is the
 * squared error of the outputs, ‖(W − Ŵ)X‖_F², exactly.
 *
 * @see SVD-LLM, arXiv 2403.07378
 */
import { symmetricEigenvalues } from '../../linalg/eigen/symmetricEigenvalues';
import type { LayerStatistics } from '../../shared/compression/statistics';
import { stage, type MethodInput, type MethodTools } from '../methods/method';
import { gramMetric } from './layerMetrics';
import { weighted } from './metric';

/** Rough shares of the time. */
const WEIGHTED = 0.4;
const SUMMED = 0.6;

/**
 * @returns min(outputs, inputs) eigenvalues, descending, none below 0
 * @throws CompressionError `missing-statistics`, `invalid-statistics`; DOMException `AbortError`
 */
export function gramSpectrum(
  layer: Pick<MethodInput, 'layer' | 'w' | 'outputs' | 'inputs'>,
  statistics: LayerStatistics,
  tools: MethodTools,
): Float64Array {
  const { w, outputs, inputs } = layer;
  const { kernels } = tools;
  const weighing = stage(tools, 0, WEIGHTED);
  const metric = gramMetric(statistics, layer, weighing);
  const y = weighted(metric, w, layer, kernels, () => weighing.poll(1));
  const n = Math.min(outputs, inputs);
  const gram = kernels.gram(y, outputs, inputs, outputs <= inputs ? 'rows' : 'columns');
  tools.poll(SUMMED);
  const { poll } = stage(tools, SUMMED, 1);
  const ascending = symmetricEigenvalues(gram, n, { kernels, onProgress: poll });
  return ascending.map((value) => Math.max(0, value)).reverse();
}
