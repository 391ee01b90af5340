/** What the engine measures of methods on a layer, and what a file of statistics covers, as made numbers. */
import type { LayerDifference } from '../../../extension/shared/compression/layerDifference';
import type { MeasuredLayer } from '../../../extension/shared/compression/measured';
import type { LayerChoice } from '../../../extension/shared/compression/plans';
import type { StatisticsSummary } from '../../../extension/shared/compression/statistics';
import type { TensorSummary } from '../../../extension/shared/tensors';
import { heatMap } from './mockMatrix';

export function measuredLayer(info: TensorSummary, layer: string, choice: LayerChoice): MeasuredLayer {
  const [outputs = 1, inputs = 1] = info.shape;
  const side = choice.method === 'dct' ? outputs : outputs + inputs;
  const parameters = choice.rank === undefined ? outputs * inputs : choice.rank * side;
  const relative_error =
    choice.method === 'quantise' ? 0.09 : Math.sqrt(1 - Math.min(1, parameters / (outputs * inputs)));
  return {
    ...{ layer, choice, relative_error, metric_error: relative_error, output_error: null },
    parameters: { before: outputs * inputs, after: parameters },
    bytes: { before: 2 * outputs * inputs, after: choice.method === 'quantise' ? parameters / 2 : 2 * parameters },
    multiply_adds: { before: outputs * inputs, after: parameters },
    activations: choice.rank ?? 0,
    notes: choice.method === 'quantise' ? ['The last block of each row is shorter.'] : [],
  };
}

export function layerDifference(info: TensorSummary, layer: string, choice: LayerChoice): LayerDifference {
  const count = Math.min(info.shape[0]!, info.shape[1]!);
  const before = Float64Array.from({ length: count }, (_, i) => (count - i) ** -1.4);
  const kept = choice.rank ?? count;
  const lines = [7, 3, 41].map((index, i) => ({ index, relative: 0.5 - 0.1 * i, share: 0.05 - 0.01 * i }));
  return {
    measured: measuredLayer(info, layer, choice),
    map: heatMap(info, layer, 0),
    ...{ rows: lines, columns: lines.slice(1), before },
    after: before.map((value, i) => (i < count - kept ? 0 : value)),
  };
}

/** λ of W·L of a layer, as large as its inputs are many. */
export function gramSpectrum({ shape }: TensorSummary): Float64Array {
  const [rows, columns] = [shape[0]!, shape[1]!];
  return Float64Array.from({ length: Math.min(rows, columns) }, (_, i) => columns * (i + 1) ** -1.6);
}

/** Every second layer has a Gram matrix; one name is no layer's. */
export function statisticsSummary(
  tensors: readonly TensorSummary[],
  path: string | null,
  { synthetic, influence }: { synthetic: boolean; influence: boolean },
): StatisticsSummary {
  const layers = tensors.flatMap((tensor) => tensor.layers);
  return {
    ...{ path: path ?? '/checkpoints/llama-58m/statistics.safetensors', fingerprint: 'made', format: 'safetensors' },
    synthetic,
    refused: {},
    covered: layers
      .filter((_, i) => i % 2 === 1)
      .map((layer) => ({ layer, tokens: 262_144, has: ['gram', 'mean'], condition: null })),
    missing: layers.filter((_, i) => i % 2 === 0),
    unknown: ['visual.merger'],
    ...(influence && {
      blockInfluence: Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`model.layers.${i}`, 0.4 / (i + 1)])),
    }),
    problems: [],
  };
}
