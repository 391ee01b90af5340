/**
 * Metrics of a layer from its statistics, checked.
 *
 * @see FWSVD (arXiv 2207.00112), ASVD (arXiv 2312.05821), SVD-LLM (arXiv 2403.07378)
 */
import type { GramUse } from '../../shared/compression/methodNeeds';
import type { LayerStatistics } from '../../shared/compression/statistics';
import { CompressionError } from '../compressionError';
import type { LayerMatrix, MethodTools } from '../methods/method';
import { areMirrored } from '../statistics/gramSymmetry';
import type { Metric } from './metric';
import { choleskyFactor } from '../../linalg/triangular/triangular';

/** ASVD's α: weights are the mean magnitudes to this power. */
const ASVD_POWER = 0.5;

/** Ridges that are tried, as shares of the mean of C's diagonal: from 1e-6 on, ten times as much each try. */
const LEAST_RIDGE = 1e-6;
const RIDGES = 7;

/**
 * Smaller weights, of dead inputs and outputs, count as this share of the largest: they take next to no part in the error,
 * and what is kept of them is what the directions of the others hold.
 */
const LEAST_WEIGHT = 1e-6;

/** A squared mean may be above the mean square by this share: sums of float32 products are. */
const BEYOND = 1e-3;

/** Inputs up to which a whole Gram matrix is tried before a run: the factor of 2048 takes about half a second. */
const MOST_TRIED = 2048;

/** Order of the blocks that are compared with their mirror images: two of them fit into a first-level cache of 32 kB. */
const BLOCK = 32;

type Named = Pick<LayerMatrix, 'outputs' | 'inputs'> & { readonly layer: string };

/** Weights outputs by √Σ_j F_ij. @throws CompressionError `missing-statistics`, `invalid-statistics` */
export function fisherMetric({ fisher }: LayerStatistics, size: Named): Metric {
  const { layer, outputs, inputs } = size;
  if (!fisher) throw missing('fisher', layer);
  const whole = fisher.length === outputs * inputs;
  if (!whole && fisher.length !== outputs) {
    const expected = `${outputs} × ${inputs} numbers, or one for each of the ${outputs} outputs`;
    throw invalid('fisher', layer, `has ${fisher.length} numbers, but the layer needs ${expected}`);
  }
  const sums = new Float64Array(outputs);
  const perOutput = fisher.length / outputs;
  for (let i = 0; i < fisher.length; i++) {
    const value = checkedWeight(fisher[i]!, 'fisher', layer, i);
    const row = Math.floor(i / perOutput);
    sums[row] = sums[row]! + value;
  }
  assertNotZero(sums, 'fisher', layer);
  return { of: 'fisher', rows: normalised(sums.map(Math.sqrt)), notes: [] };
}

/**
 * Weights inputs by a^½: a = mean|x|, or √(mean x²) if only an imatrix is known.
 *
 * @throws CompressionError `missing-statistics`, `invalid-statistics`
 */
export function diagonalMetric({ absMean, squareMean }: LayerStatistics, { layer, inputs }: Named): Metric {
  const [name, given] = absMean
    ? (['input_abs_mean', absMean] as const)
    : (['imatrix', squareMean?.map(Math.sqrt)] as const);
  if (!given) throw missing('input_abs_mean', layer);
  if (given.length !== inputs) {
    throw invalid(name, layer, `has ${given.length} numbers, but the layer has ${inputs} inputs`);
  }
  given.forEach((value, i) => checkedWeight(value, name, layer, i));
  assertNotZero(given, name, layer);
  return { of: 'diagonal', columns: normalised(given.map((value) => value ** ASVD_POWER)), notes: [] };
}

/**
 * Weights inputs by the Cholesky factor of their Gram matrix. If that is not positive definite, it gets the smallest ridge
 * that makes it so, and a note says which.
 *
 * @param centred takes out the mean of the inputs; needs `mean` and `tokens`
 * @throws CompressionError `missing-statistics`, `invalid-statistics`
 */
export function gramMetric(
  statistics: LayerStatistics,
  size: Named,
  { kernels, poll }: MethodTools,
  centred = false,
): Metric {
  const { layer, inputs } = size;
  const gram = centred ? centredGram(statistics, size) : checkedGram(statistics, size);
  let trace = 0;
  for (let i = 0; i < inputs; i++) trace += gram[i * inputs + i]!;
  const mean = trace / inputs;
  const plain = choleskyFactor(gram, inputs, kernels, poll);
  const of = centred ? 'centred gram' : 'gram';
  if (plain) return { of, factor: plain, notes: [] };
  for (let attempt = 0, share = LEAST_RIDGE; attempt < RIDGES; attempt++, share *= 10) {
    const raised = gram.slice();
    for (let i = 0; i < inputs; i++) raised[i * inputs + i] = raised[i * inputs + i]! + share * mean;
    const factor = choleskyFactor(raised, inputs, kernels, poll);
    if (!factor) continue;
    const what = centred ? 'The Gram matrix of the centred inputs' : 'The Gram matrix of the inputs';
    const added = share.toExponential(0);
    return {
      of,
      factor,
      ridge: share * mean,
      notes: [`${what} is not positive definite: ${added} of its mean diagonal element was added.`],
    };
  }
  throw farFromSemidefinite(layer);
}

/**
 * Refuses a Gram matrix that `gramMetric` would refuse after all its ridges, by one factorisation. Of more inputs than
 * `most` it tries the first ones alone: what is refused for them is refused for all, and not the other way round.
 *
 * @param statistics as they are read: symmetric and finite
 * @throws CompressionError `invalid-statistics`
 */
export function assertUsable(
  statistics: LayerStatistics,
  layer: string,
  use: GramUse,
  { kernels, poll }: MethodTools,
  most = MOST_TRIED,
): void {
  const { gram } = statistics;
  if (!gram || use === 'read') return;
  const inputs = Math.sqrt(gram.length);
  const subtracted = use === 'centred' ? centring(statistics, gram, { layer, inputs }) : undefined;
  const entry = (i: number, j: number): number => gram[i * inputs + j]! - (subtracted?.(i, j) ?? 0);
  let trace = 0;
  for (let i = 0; i < inputs; i++) trace += entry(i, i);
  const n = Math.min(inputs, most);
  const ridge = (LEAST_RIDGE * 10 ** (RIDGES - 1) * trace) / inputs;
  const raised = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) raised[i * n + j] = entry(i, j) + (i === j ? ridge : 0);
  }
  if (!choleskyFactor(raised, n, kernels, poll)) throw farFromSemidefinite(layer);
}

function farFromSemidefinite(layer: string): CompressionError {
  const reason = 'is far from positive semidefinite, so it is no Gram matrix; calibrate again';
  return invalid('input_gram', layer, reason);
}

/**
 * The Gram matrix in checked form: symmetric, finite, in × in. It may be the array in the statistics: not to be changed.
 *
 * @throws CompressionError
 */
export function checkedGram({ gram }: LayerStatistics, { layer, inputs }: Named): Float64Array {
  if (!gram) throw missing('input_gram', layer);
  if (gram.length !== inputs * inputs) {
    const side = Math.sqrt(gram.length);
    const given = Number.isInteger(side) ? `is ${side} × ${side}` : `has ${gram.length} numbers`;
    throw invalid(
      'input_gram',
      layer,
      `${given}, but the layer has ${inputs} inputs, so it must be ${inputs} × ${inputs}`,
    );
  }
  let bad = 0;
  while (bad < gram.length && Number.isFinite(gram[bad])) bad++;
  if (bad < gram.length) {
    const place = `row ${Math.floor(bad / inputs)}, column ${bad % inputs}`;
    throw invalid('input_gram', layer, `holds ${gram[bad]!} at ${place}; calibrate again`);
  }
  const diagonal = Float64Array.from({ length: inputs }, (_, i) => gram[i * inputs + i]!);
  const negative = diagonal.findIndex((value) => value < 0);
  if (negative >= 0) {
    throw invalid(
      'input_gram',
      layer,
      `has ${diagonal[negative]!} on its diagonal, at ${negative}, where squares are summed`,
    );
  }
  assertNotZero(diagonal, 'input_gram', layer);
  return symmetricGram(gram, diagonal.map(Math.sqrt), layer);
}

/** The mean of the matrix and its mirror image: the same array if they are equal. @throws CompressionError */
function symmetricGram(gram: Float64Array, roots: Float64Array, layer: string): Float64Array {
  const n = roots.length;
  let mean: Float64Array | undefined;
  for (let top = 0; top < n; top += BLOCK) {
    for (let left = 0; left <= top; left += BLOCK) {
      for (let i = top; i < Math.min(n, top + BLOCK); i++) {
        for (let j = left; j < Math.min(i, left + BLOCK); j++) {
          const below = gram[i * n + j]!;
          const above = gram[j * n + i]!;
          if (below === above) continue;
          if (!areMirrored(below, above, roots[i]! * roots[j]!)) {
            const problem = `is not symmetric: ${below} at (${i}, ${j}), but ${above} at (${j}, ${i})`;
            throw invalid('input_gram', layer, problem);
          }
          mean ??= gram.slice();
          mean[i * n + j] = mean[j * n + i] = (below + above) / 2;
        }
      }
    }
  }
  return mean ?? gram;
}

/** C − n·μμᵀ */
function centredGram(statistics: LayerStatistics, size: Named): Float64Array {
  const { inputs } = size;
  const gram = checkedGram(statistics, size).slice();
  const subtracted = centring(statistics, gram, size);
  for (let i = 0; i < inputs; i++) {
    for (let j = 0; j < inputs; j++) gram[i * inputs + j] = gram[i * inputs + j]! - subtracted(i, j);
  }
  return gram;
}

/** n·μμᵀ, by its elements. @throws CompressionError if that is not the mean of the inputs that made the Gram matrix */
function centring(
  statistics: LayerStatistics,
  gram: Float64Array,
  { layer, inputs }: Pick<Named, 'layer' | 'inputs'>,
): (i: number, j: number) => number {
  const { tokens } = statistics;
  const mean = checkedMean(statistics, { layer, inputs });
  if (tokens === undefined || !(tokens > 0 && Number.isFinite(tokens))) {
    throw invalid('input_gram', layer, `was summed over ${tokens ?? 'an unknown number of'} tokens; calibrate again`);
  }
  const subtracted = (i: number, j: number): number => tokens * mean[i]! * mean[j]!;
  const negative = Array.from({ length: inputs }, (_, i) => i).find(
    (i) => gram[i * inputs + i]! - subtracted(i, i) < -BEYOND * subtracted(i, i),
  );
  if (negative !== undefined) {
    throw invalid(
      'input_mean',
      layer,
      `does not go with input_gram: at ${negative} its square is above the mean square`,
    );
  }
  return subtracted;
}

/** @throws CompressionError `missing-statistics`, `invalid-statistics` */
export function checkedMean(
  { mean }: LayerStatistics,
  { layer, inputs }: Pick<Named, 'layer' | 'inputs'>,
): Float64Array {
  if (!mean) throw missing('input_mean', layer);
  if (mean.length !== inputs) {
    throw invalid('input_mean', layer, `has ${mean.length} numbers, but the layer has ${inputs} inputs`);
  }
  const bad = mean.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw invalid('input_mean', layer, `holds ${mean[bad]!} at ${bad}; calibrate again`);
  return mean;
}

/** Scaled so that the largest weight is 1: the metric's minimum does not depend on it. */
function normalised(weights: Float64Array): Float64Array {
  const largest = weights.reduce((most, value) => Math.max(most, value), 0);
  return weights.map((value) => Math.max(LEAST_WEIGHT, value / largest));
}

function checkedWeight(value: number, name: string, layer: string, at: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw invalid(name, layer, `holds ${value} at ${at}, which is no magnitude; calibrate again`);
}

function assertNotZero(values: Float64Array, name: string, layer: string): void {
  if (values.some((value) => value > 0)) return;
  throw invalid(name, layer, 'is zero everywhere, so it weighs nothing; calibrate with inputs that reach the layer');
}

function invalid(name: string, layer: string, reason: string): CompressionError {
  return new CompressionError('invalid-statistics', `${name} ${reason}`, { layer });
}

function missing(name: string, layer: string): CompressionError {
  return new CompressionError('missing-statistics', `there is no ${name} of it in the statistics`, { layer });
}
