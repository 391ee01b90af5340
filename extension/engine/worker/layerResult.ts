/** From eigenvalues and statistics to the numbers people read: fits, metrics, ranks, problems. */
import type { TensorInfo, TensorSlice } from '../../checkpoint/checkpoint';
import { compressionMatrix } from '../../compression/compressionMatrix';
import { UNREADABLE } from '../../shared/layerFindings';
import type {
  FarmsResult,
  FitRule,
  LayerResult,
  PowerLawFit,
  StoredRounding,
  TensorStatistics,
} from '../../shared/layers';
import type { DType, Problem } from '../../shared/tensors';
import type { LayerGeometry } from '../../spectral/matrices';
import { spectralMetrics } from '../../spectral/metrics/metrics';
import { MeasuredSpectrum, Spectrum } from '../../spectral/metrics/spectrum';
import { fitPowerLaw } from '../../spectral/tail/powerLaw';
import { randomEdge } from '../../spectral/bulk/randomisation';
import { rankSuggestions } from '../../spectral/ranks/ranks';
import { tailShape } from '../../spectral/tail/tailShape';
import { extentOf, hasRepresentableSquares } from '../../spectral/metrics/statistics';
import { storedRounding } from '../../spectral/storedRounding';
import type { LayerPrecision, TaskTensor, TensorTask } from './layerRecords';

/**
 * Seed of the order of entries in the first shuffle of the randomisation test; each further shuffle adds 1. Shown with
 * the result.
 */
export const SHUFFLE_SEED = 20190124;

/** WeightWatcher, AlphaPruning and FARMS scale conv slices by √0.5, so λ is halved (`conv_norm`). */
export const CONV_NORM = 0.5;

const ALL_ZERO = 'all elements are zero';

export interface LayerNumbers {
  /** Ascending, pooled, with `conv_norm`; empty without a spectrum. */
  eigenvalues: Float64Array;
  /** Ascending, of the matrix that ranks are about. */
  rankEigenvalues: Float64Array;
  /** As `eigenvalues`, of the matrices with their entries shuffled, for each shuffle; absent where they were not. */
  randomised?: Float64Array[];
  statistics: TensorStatistics;
  farms: FarmsResult | null;
  /** Small eigenvalues were made exact, beyond what a Gram matrix tells. */
  resolved: boolean;
  precision: LayerPrecision;
}

export function layerResult(task: TensorTask, numbers: LayerNumbers): LayerResult {
  const { tensor, layer, noSpectrum } = task;
  const { eigenvalues, statistics, farms, precision } = numbers;
  const frame = resultFrame(layer?.name ?? tensor.name, tensor, statistics);
  if (!layer) return { ...frame, noSpectrum: noSpectrum ?? 'no matrix' };
  const N = Math.max(layer.rows, layer.cols);
  const M = Math.min(layer.rows, layer.cols);
  const obstacle = notFinite(layer, statistics) ?? outOfRange(layer, statistics);
  if (obstacle) return { ...frame, N, M, ...obstacle };
  const rounding = roundingOfLayer(task, statistics, N, M);
  const fit = (rule: FitRule): PowerLawFit =>
    fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS', dimension: M, zero: 0, rounding });
  const fits = { KS: fit('KS'), xmin_mid: fit('xmin_mid'), xmin_peak: fit('xmin_peak') };
  const { rankEigenvalues, randomised, resolved } = numbers;
  const parts = { eigenvalues, N, M, fits, rounding, resolved, ...(randomised && { randomised }) };
  const spectrum = new MeasuredSpectrum(parts);
  const measured = spectralMetrics(spectrum);
  const { rows, cols } = compressionMatrix(tensor.shape, tensor.kernelLayout, layer.expert);
  // Ranks of a convolution are about another matrix than its ESD; of any other layer about the same one.
  const rankSpectrum =
    layer.kind === 'conv' ? rankSpectrumOf(tensor, statistics, rankEigenvalues, rows, cols) : spectrum;
  const suggested = rankSuggestions(rankSpectrum, rows, cols);
  // Nothing was computed for a layer of zeros.
  const isZero = statistics.zeros === statistics.count;
  const missing = {
    ...measured.missing,
    ...suggested.missing,
    ...(isZero && task.settings.farms.enabled && { farms_alpha: ALL_ZERO }),
  };
  const tail_shape = tailShape(eigenvalues, fits.KS);
  const { metrics } = measured;
  const { ranks } = suggested;
  const found = {
    ...{ matrices: layer.count, N, M, metrics, missing, fits, rounding, tail_shape, farms, ranks },
    ...precision,
  };
  return {
    ...frame,
    ...found,
    ...(task.settings.randomise && { randomised: randomisation(randomised, isZero) }),
  };
}

function rankSpectrumOf(
  tensor: TaskTensor,
  statistics: TensorStatistics,
  eigenvalues: Float64Array,
  rows: number,
  cols: number,
): Spectrum {
  const rounding = storedRounding(tensor, statistics, rows, cols);
  return new Spectrum(eigenvalues, Math.max(rows, cols), Math.min(rows, cols), rounding);
}

/** What the stored type may have done to the spectrum of a matrix or window of a layer. */
export function roundingOfLayer(
  { tensor, layer }: TensorTask,
  statistics: TensorStatistics,
  rows: number,
  cols: number,
): StoredRounding {
  return storedRounding(tensor, statistics, rows, cols, layer?.kind === 'conv' ? Math.sqrt(CONV_NORM) : 1);
}

/** A tensor whose elements cannot be read: what the header tells, and a problem where they are weights. */
export function unreadableResult(tensor: TensorInfo): LayerResult {
  const { name, dtype, unreadable: reason = 'for an unknown reason' } = tensor;
  const problem = { code: UNREADABLE, message: `${name} cannot be read: ${reason}`, tensor: name };
  const problems = mayBeWeights(dtype) ? [problem] : [];
  return { ...resultFrame(name, taskTensor(tensor), null), noSpectrum: reason, problems };
}

/** Not so text and counters: that a file has some which are not read is nothing wrong. */
function mayBeWeights(dtype: DType): boolean {
  return /^(F|BF|C)\d/.test(dtype);
}

/** A layer that could not be analysed, with the reason. */
export function failedResult(
  name: string,
  tensor: TensorInfo,
  layer: LayerGeometry | undefined,
  problem: Problem,
  statistics: TensorStatistics | null,
): LayerResult {
  const frame = resultFrame(name, taskTensor(tensor), statistics);
  const sides = layer && { N: Math.max(layer.rows, layer.cols), M: Math.min(layer.rows, layer.cols) };
  return { ...frame, ...sides, noSpectrum: 'could not be analysed', problems: [problem] };
}

/** The numbers of a layer as those of another one that is tied to it. */
export function tiedResult(result: LayerResult, name: string, tensor: TensorInfo): LayerResult {
  const { tensor: stored, partOf } = resultFrame(name, taskTensor(tensor), null);
  const problems = result.problems.map((problem) => ({
    ...problem,
    message: problem.message.replace(result.name, () => name),
    tensor: name,
  }));
  return {
    ...result,
    ...{ name, tensor: stored, problems, tiedWith: result.name },
    ...(partOf !== undefined && { partOf }),
  };
}

function randomisation(randomised: Float64Array[] | undefined, isZero: boolean): LayerResult['randomised'] {
  if (randomised) {
    const edge = randomEdge(randomised.map((values) => values.at(-1) ?? 0));
    return { status: 'success', seed: SHUFFLE_SEED, shuffles: randomised.length, edge };
  }
  const tooLarge = 'the matrix is too large to be held, and only a held one is shuffled; raise the memory limit';
  const reason = isZero ? ALL_ZERO : tooLarge;
  return { status: 'failed', reason, seed: SHUFFLE_SEED };
}

/** A tensor as threads and results tell of it. */
export function taskTensor({ name, shape, dtype, encoding, kernelLayout, slice, folded }: TensorInfo): TaskTensor {
  const bits = (8 * (encoding?.byteLength ?? 0)) / shape.reduce((count, length) => count * length, 1);
  return {
    ...{ name, shape: [...shape], dtype, kernelLayout },
    ...(encoding && { encoding: encoding.name }),
    ...(folded && { storedShape: [...folded.of.shape] }),
    ...(bits > 0 && Number.isFinite(bits) && { bits }),
    ...(slice && { partOf: { tensor: slice.of.name, layer: slicedLayer(slice) } }),
  };
}

function slicedLayer({ of, index }: TensorSlice): string {
  return index === undefined ? of.name : `${of.name}[${index}]`;
}

function resultFrame(name: string, tensor: TaskTensor, statistics: TensorStatistics | null): LayerResult {
  return {
    name,
    tensor: tensor.partOf?.tensor ?? tensor.name,
    ...(tensor.partOf && { partOf: tensor.partOf.layer }),
    shape: tensor.storedShape ?? tensor.shape,
    dtype: tensor.dtype,
    ...(tensor.encoding !== undefined && { encoding: tensor.encoding }),
    matrices: 0,
    metrics: {},
    fits: {},
    farms: null,
    ranks: {},
    statistics,
    problems: [],
  };
}

/** Why a layer has no spectrum, in words; undefined where it has one. */
export function layerObstacle(layer: LayerGeometry, statistics: TensorStatistics): string | undefined {
  return (notFinite(layer, statistics) ?? outOfRange(layer, statistics))?.noSpectrum;
}

/** Why a layer has no spectrum, as its result says it. */
type Obstacle = Pick<LayerResult, 'noSpectrum' | 'problems'>;

function notFinite(layer: LayerGeometry, statistics: TensorStatistics): Obstacle | undefined {
  const { nan, inf, first_not_finite: first } = statistics;
  if (nan + inf === 0) return undefined;
  const row = Math.floor((first ?? 0) / layer.cols);
  const place = layer.kind === 'conv' ? `element ${first ?? 0}` : `row ${row}, column ${(first ?? 0) % layer.cols}`;
  const found = [nan > 0 && `${nan} NaN`, inf > 0 && `${inf} Inf`].filter(Boolean).join(' and ');
  const message = `${found}, the first at ${place}; it has no spectrum until they are replaced`;
  return obstacle(layer, 'not-finite', 'holds NaN or Inf', message);
}

function outOfRange(layer: LayerGeometry, statistics: TensorStatistics): Obstacle | undefined {
  if (hasRepresentableSquares(statistics)) return undefined;
  const message = `its largest element is ${extentOf(statistics).toPrecision(3)}, whose square is beyond a double's range; scale it to inspect it`;
  return obstacle(layer, 'out-of-range', 'its squares are beyond the range of a double', message);
}

function obstacle(layer: LayerGeometry, code: string, noSpectrum: string, message: string): Obstacle {
  return { noSpectrum, problems: [{ code, message: `${layer.name}: ${message}`, tensor: layer.name }] };
}
