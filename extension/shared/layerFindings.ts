/** What of a layer's numbers is a finding and what follows from its size alone, the same in the terminal and in the view. */
import type { GoodnessOfFit, LayerResult, PowerLawFit, TailShape } from './layers';
import { LEAST_FITTED } from './metricTable';
import type { Problem, TensorSummary } from './tensors';
import { verdictOn, type EntryEvidence, type FarmsEvidence, type JudgedAlpha } from './verdict';
import { largestOf, smallestOf } from './extremes';
import { l10n } from './language/l10n';

/** Code of the problem of a tensor that is listed and whose elements cannot be read. */
export const UNREADABLE = 'unreadable';

/**
 * True for weights. Moments of gradients, random states and the like may have spectra, but no alpha of theirs says how
 * well anything is trained. What a tensor is was decided when its file was read (`TensorInfo.notModel`).
 */
export function isOfModel({ notModel }: Named): boolean {
  return notModel === undefined;
}

export type Named = Pick<TensorSummary, 'name' | 'notModel'>;

/** A tail other than the one that was fitted: of an xmin chosen by hand. */
export interface ChosenTail {
  fit: PowerLawFit;
  /** The law that this tail follows. */
  tailShape: TailShape | undefined;
  goodness?: GoodnessOfFit | undefined;
}

/**
 * What a layer's alpha says of its training, with the evidence: the one verdict that table, view, hover, terminal and
 * exports show.
 *
 * @param tensor that the layer lies in; absent where that is known to be a weight
 * @param chosen the tail that is judged in place of the fitted one
 * @returns undefined for a layer without a spectrum
 */
export function layerVerdict(layer: LayerResult, tensor?: Named, chosen?: ChosenTail): JudgedAlpha | undefined {
  if (layer.matrices === 0) return undefined;
  const { fits, tail_shape: tailShape, goodness, metrics, missing } = layer;
  return verdictOn({
    notModel: tensor?.notModel,
    ...(chosen ?? { fit: fits.KS, tailShape, goodness }),
    count: layer.matrices * (layer.M ?? 0),
    spikes: metrics.num_spikes ?? null,
    noBulk: missing?.num_spikes,
    aboveShuffled: metrics.num_above_rand,
    entries: entryEvidence(layer),
    zeroShare: zeroShare(layer),
    farms: farmsEvidence(layer),
  });
}

/** Share of exact zeros among the stored elements. A product of factors has no elements of its own. */
function zeroShare({ statistics, factored }: LayerResult): number | undefined {
  return factored || !statistics || statistics.count === 0 ? undefined : statistics.zeros / statistics.count;
}

/**
 * The number of layers with a verdict on alpha, and with a spectrum. Tied ones count once.
 *
 * @param results of weights
 */
export function judgedShare(results: Iterable<LayerResult>): { judged: number; layers: number } {
  let [judged, layers] = [0, 0];
  for (const result of results) {
    const verdict = result.tiedWith === undefined ? layerVerdict(result)?.verdict : undefined;
    if (verdict === undefined) continue;
    layers++;
    if (verdict !== 'no verdict') judged++;
  }
  return { judged, layers };
}

/** Entries are taken on the scale of the spectrum, in which WeightWatcher shrinks a convolution's. */
function entryEvidence({ statistics, metrics, N, M }: LayerResult): EntryEvidence | undefined {
  const { sigma_mp: sigma, spectral_norm: lambda1, norm } = metrics;
  if (!statistics || N === undefined || M === undefined || sigma == null || lambda1 == null || !norm) return undefined;
  const { min, max, l2 } = statistics;
  if (min === null || max === null || !l2) return undefined;
  return { largest: Math.max(-min, max) * (Math.sqrt(norm) / l2), lambda1, sigma, N, M };
}

function farmsEvidence({ farms, fits, N, M }: LayerResult): FarmsEvidence | undefined {
  if (typeof farms?.alpha !== 'number') return undefined;
  const [long, wide] = [largestOf(farms.window), smallestOf(farms.window)];
  return {
    ...{ alpha: farms.alpha, interval: farms.interval, windowQ: long / Math.max(1, wide) },
    ...{ Q: (N ?? 1) / Math.max(1, M ?? 1), sameRule: fits[farms.rule]?.alpha ?? null },
  };
}

/** Why alpha could not be fitted; undefined where it was, and where no layer of so few eigenvalues ever has a fit. */
export function failedFit({ fits, matrices, M, factored }: LayerResult): string | undefined {
  const eigenvalues = factored?.rank ?? matrices * (M ?? 0);
  if (fits.KS?.status !== 'failed' || eigenvalues < LEAST_FITTED) return undefined;
  return fits.KS.reason ?? l10n.english('no valid tail');
}

/** Directions that a layer could have and has not: a product has no more than its factors. */
export function lostRank({ metrics, factored }: LayerResult): number {
  if (!factored) return metrics.rank_loss ?? 0;
  return Math.max(0, factored.rank - (metrics.matrix_rank ?? factored.rank));
}

/** A layer or tensor without any numbers, with the reason. */
export function withoutNumbers(name: string, tensor: TensorSummary, problem: Problem): LayerResult {
  const { shape, dtype, encoding } = tensor;
  return {
    ...{ name, tensor: tensor.name, shape, dtype, matrices: 0 },
    ...(encoding !== undefined && { encoding }),
    ...{ metrics: {}, fits: {}, farms: null, ranks: {}, statistics: null, problems: [problem] },
  };
}

/** A layer that was never written to, or is pruned away: it has a spectrum of zeros and nothing to be fitted. */
export function isAllZero({ matrices, statistics }: LayerResult): boolean {
  return matrices > 0 && statistics !== null && statistics.count > 0 && statistics.zeros === statistics.count;
}
