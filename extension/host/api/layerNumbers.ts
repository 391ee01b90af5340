/** A layer's record as other programs get it: the public names, plain copies, problems as sentences. */
import type { LayerResult, RankSuggestion } from '../../shared/layers';
import { l10n } from '../../shared/language/l10n';
import { layerVerdict, type Named } from '../../shared/layerFindings';
import { suggestedRank } from '../../shared/ranks/worthFactoring';
import type { CheckpointSummary as InternalSummary, TensorSummary } from '../../shared/tensors';
import type { CheckpointSummary, LayerInfo, LayerNumbers, RankNumbers } from './eigenscope';

export function publicSummary(summary: InternalSummary): CheckpointSummary {
  const { path, format, architecture, parameters, bytes, tensors, dtypes, metadata, problems } = summary;
  return {
    ...{ path, format, architecture, parameters, bytes, tensors: tensors.length },
    dtypes: dtypes.map(({ dtype, parameters: count }) => ({ dtype, parameters: count })),
    metadata: { ...metadata },
    problems: problems.map(({ message }) => message),
  };
}

/** A tensor's layers; the tensor itself where it has none. */
export function publicLayers(tensor: TensorSummary): LayerInfo[] {
  const { name, layers, shape, dtype, encoding, parameters, noSpectrum, sharedWith } = tensor;
  const stacked = layers.length > 1;
  const names = layers.length > 0 ? layers : [name];
  return names.map((layer) => ({
    ...{ layer, tensor: name, shape: stacked ? shape.slice(1) : [...shape], dtype: encoding ?? dtype },
    ...{ parameters: parameters / names.length, hasSpectrum: layers.length > 0 },
    ...(noSpectrum !== undefined && { noSpectrum }),
    ...(sharedWith !== undefined && { tiedWith: sharedWith }),
  }));
}

/** @param tensor that the layer lies in: no verdict is given on what is no weight */
export function publicNumbers(result: LayerResult, tensor?: Named): LayerNumbers {
  const { name, shape, dtype, encoding, metrics, missing, farms, ranks, statistics, precision, problems } = result;
  const judged = l10n.inEnglish(() => layerVerdict(result, tensor));
  const suggested = suggestedRank(ranks);
  return {
    ...{ layer: name, tensor: result.tensor, shape: [...shape], dtype: encoding ?? dtype },
    metrics: { ...metrics },
    missing: { ...missing },
    ...(judged && { verdict: { verdict: judged.verdict, reason: judged.verdict_reason } }),
    ...(typeof farms?.alpha === 'number' && {
      farms: { alpha: farms.alpha, D: farms.D, ...(farms.interval && { interval: [...farms.interval] as const }) },
    }),
    ranks: Object.fromEntries(Object.entries(ranks).map(([rule, suggestion]) => [rule, rankNumbers(suggestion)])),
    ...(suggested && {
      suggestion:
        suggested.reason === undefined
          ? { ...rankNumbers(suggested), energy: suggested.energy }
          : { reason: suggested.reason },
    }),
    ...(statistics && { statistics: momentsOf(statistics) }),
    ...(precision !== undefined && { precision }),
    problems: problems.map(({ message }) => message),
  };
}

function rankNumbers({ rank, error, parameters, ratio }: RankSuggestion): RankNumbers {
  return { rank, error, parameters, ratio };
}

function momentsOf({ ...all }: NonNullable<LayerResult['statistics']>): NonNullable<LayerNumbers['statistics']> {
  const { count, min, max, mean, std, zeros, nan, inf } = all;
  return { count, min, max, mean, std, zeros, nan, inf };
}
