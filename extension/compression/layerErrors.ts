/** The errors of a compressed matrix, measured on the values that are stored. */
import type { MeasuredLayer } from '../shared/compression/measured';
import type { Part } from '../shared/compression/parts';
import type { LayerStatistics } from '../shared/compression/statistics';
import { masked } from './decomposition/completion';
import { checkedGram, checkedMean } from './decomposition/layerMetrics';
import { isPlain, weighted, type Metric } from './decomposition/metric';
import { cut } from '../linalg/triangular/triangular';
import { frobenius, relativeTo } from './measuredError';
import { stage, type LayerMatrix, type MethodInput, type MethodTools } from './methods/method';
import { partOperations } from './parts/registry';

/** Rows of W, and columns of a Gram matrix, that are multiplied at once: some 0.3 s at order 4096. */
const BLOCK = 512;

/** What stands for W: the sum of the parts, of the base if there is one, and a bias. */
export interface Approximation {
  readonly parts: readonly Part[];
  readonly base?: Float64Array;
  readonly bias?: Float64Array;
  readonly metric: Metric;
}

type Layer = Pick<MethodInput, 'layer' | 'w' | 'outputs' | 'inputs' | 'mask'>;
type Errors = Pick<MeasuredLayer, 'relative_error' | 'metric_error' | 'output_error'>;

/** @throws CompressionError `invalid-statistics`; what `poll` does */
export function measuredErrors(
  given: Layer,
  approximation: Approximation,
  statistics: LayerStatistics,
  tools: MethodTools,
): Errors {
  // What is masked is zero whatever is stored: W − Ŵ is so, too.
  const layer = given.mask ? { ...given, w: masked(given.w, given.mask) } : given;
  const { w } = layer;
  const { metric, bias } = approximation;
  const difference = differenceFrom(layer, approximation, stage(tools, 0, 0.4));
  const relative_error = relativeTo(frobenius(w), frobenius(difference));
  const inMetric = stage(tools, 0.4, 0.7);
  const norm = (x: Float64Array): number => frobenius(weighted(metric, x, layer, inMetric.kernels, inMetric.poll));
  const metric_error = isPlain(metric) ? relative_error : relativeTo(norm(w), norm(difference));
  if (!statistics.gram) return { relative_error, metric_error, output_error: null };
  // A metric by the Gram matrix itself, without a ridge, is the output error.
  const same = metric.of === 'gram' && metric.ridge === undefined && !bias;
  const output_error = same ? metric_error : outputError(layer, difference, bias, statistics, stage(tools, 0.7, 1));
  return { relative_error, metric_error, output_error };
}

/** W − Ŵ */
function differenceFrom(layer: Layer, { parts, base }: Approximation, { kernels, poll }: MethodTools): Float64Array {
  const sum = base?.slice() ?? new Float64Array(layer.w.length);
  for (const [index, part] of parts.entries()) {
    partOperations(part.kind).addTo(sum, part, layer, kernels, (fraction) => poll((index + fraction) / parts.length));
  }
  for (let i = 0; i < sum.length; i++) sum[i] = layer.mask?.[i] === 0 ? 0 : layer.w[i]! - sum[i]!;
  return sum;
}

/** √(Σ‖Δx − b‖²/Σ‖Wx‖²) over the inputs that made the Gram matrix. */
function outputError(
  layer: Layer,
  difference: Float64Array,
  bias: Float64Array | undefined,
  statistics: LayerStatistics,
  tools: MethodTools,
): number {
  const gram = checkedGram(statistics, layer);
  let square = outputSquare(difference, gram, layer, stage(tools, 0, 0.5));
  if (bias) {
    const { inputs } = layer;
    const mean = checkedMean(statistics, layer);
    const tokens = statistics.tokens!;
    for (let i = 0; i < bias.length; i++) {
      let drift = 0;
      for (let j = 0; j < inputs; j++) drift += difference[i * inputs + j]! * mean[j]!;
      square += tokens * (bias[i]! ** 2 - 2 * bias[i]! * drift);
    }
  }
  // Rounding may leave a difference of equals a little below 0.
  return relativeTo(
    Math.sqrt(outputSquare(layer.w, gram, layer, stage(tools, 0.5, 1))),
    Math.sqrt(Math.max(0, square)),
  );
}

/** tr(X·C·Xᵀ) = Σ‖Xx‖² */
export function outputSquare(
  x: Float64Array,
  gram: Float64Array,
  { outputs, inputs }: LayerMatrix,
  { kernels, poll }: MethodTools,
): number {
  let square = 0;
  for (let left = 0; left < inputs; left += BLOCK) {
    const width = Math.min(BLOCK, inputs - left);
    const columns = cut(gram, inputs, [0, inputs], [left, left + width]);
    for (let top = 0; top < outputs; top += BLOCK) {
      const height = Math.min(BLOCK, outputs - top);
      const rows = x.subarray(top * inputs, (top + height) * inputs);
      const product = kernels.multiply(rows, columns, height, width, inputs, false, false);
      for (let i = 0, at = 0; i < height; i++) {
        for (let j = 0, own = i * inputs + left; j < width; j++, at++, own++) square += rows[own]! * product[at]!;
      }
      poll((left + (width * top) / outputs) / inputs);
    }
  }
  return Math.max(0, square);
}
