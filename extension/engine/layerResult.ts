/** From eigenvalues and statistics to the numbers people read: fits, metrics, ranks, problems. */
import type { TensorInfo } from '../checkpoint/checkpoint';
import { compressionMatrix } from '../compression/compressionMatrix';
import type { FarmsResult, FitRule, LayerResult, PowerLawFit, Problem, TensorStatistics } from '../protocol';
import type { LayerGeometry } from '../spectral/matrices';
import { spectralMetrics } from '../spectral/metrics';
import { fitPowerLaw } from '../spectral/powerLaw';
import { rankSuggestions } from '../spectral/ranks';
import type { LayerPrecision, LayerTask } from './workerMessages';

export interface LayerNumbers {
  /** Ascending, pooled, with `conv_norm`; empty without a spectrum. */
  eigenvalues: Float64Array;
  /** Ascending, of the matrix that ranks are about. */
  rankEigenvalues: Float64Array;
  statistics: TensorStatistics;
  farms: FarmsResult | null;
  precision: LayerPrecision;
}

export function layerResult(task: LayerTask, numbers: LayerNumbers): LayerResult {
  const { tensor, layer, noSpectrum } = task;
  const { eigenvalues, statistics, farms, precision } = numbers;
  const frame = resultFrame(layer?.name ?? tensor.name, tensor, statistics);
  if (!layer) return { ...frame, noSpectrum: noSpectrum ?? 'no matrix' };
  const N = Math.max(layer.rows, layer.cols);
  const M = Math.min(layer.rows, layer.cols);
  const problem = notFinite(layer, statistics);
  if (problem) return { ...frame, N, M, noSpectrum: 'holds NaN or Inf', problems: [problem] };
  const fits: Record<FitRule, PowerLawFit> = {
    KS: fitPowerLaw(eigenvalues, 'KS', { zeroFilter: true, dimension: M }),
    xmin_mid: fitPowerLaw(eigenvalues, 'xmin_mid', { zeroFilter: false, dimension: M }),
    xmin_peak: fitPowerLaw(eigenvalues, 'xmin_peak', { zeroFilter: false, dimension: M }),
  };
  const metrics = spectralMetrics({ eigenvalues, N, M, count: layer.count, fits });
  const { rows, cols } = compressionMatrix(tensor.shape, tensor.kernelLayout, layer.expert);
  const ranks = rankSuggestions([numbers.rankEigenvalues], rows, cols);
  return { ...frame, matrices: layer.count, N, M, metrics, fits, farms, ranks, ...precision };
}

/** A layer that could not be analysed, with the reason. */
export function failedResult(
  name: string,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  problem: Problem,
): LayerResult {
  const frame = resultFrame(name, { ...tensor, shape: [...tensor.shape] }, null);
  const sides = layer && { N: Math.max(layer.rows, layer.cols), M: Math.min(layer.rows, layer.cols) };
  return { ...frame, ...sides, noSpectrum: 'could not be analysed', problems: [problem] };
}

function resultFrame(
  name: string,
  tensor: Pick<LayerTask['tensor'], 'name' | 'shape' | 'dtype'>,
  statistics: TensorStatistics | null,
): LayerResult {
  return {
    name,
    tensor: tensor.name,
    shape: tensor.shape,
    dtype: tensor.dtype,
    matrices: 0,
    metrics: {},
    fits: {},
    farms: null,
    ranks: {},
    statistics,
    problems: [],
  };
}

function notFinite(layer: LayerGeometry, { nan, inf, first_not_finite: first }: TensorStatistics): Problem | undefined {
  if (nan + inf === 0) return undefined;
  const row = Math.floor((first ?? 0) / layer.cols);
  const place = layer.kind === 'conv' ? `element ${first ?? 0}` : `row ${row}, column ${(first ?? 0) % layer.cols}`;
  const found = [nan > 0 && `${nan} NaN`, inf > 0 && `${inf} Inf`].filter(Boolean).join(' and ');
  return {
    code: 'not-finite',
    message: `${layer.name}: ${found}, the first at ${place}; it has no spectrum until they are replaced`,
    tensor: layer.name,
  };
}
