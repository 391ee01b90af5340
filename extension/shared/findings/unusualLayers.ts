/** Lists the layers that a person should look at first, worst first, each with the reason in words. */
import { failedFit, isAllZero, layerVerdict, lostRank } from '../../extension/shared/layerFindings';
import type { LayerResult } from '../../extension/shared/layers';
import { alphaRange, OVER_TRAINED, UNDER_TRAINED } from '../../extension/shared/verdict';
import { formatCount, formatNumber, plural } from '../numbers/format';

export interface UnusualLayer {
  layer: string;
  kind: 'broken' | 'failed' | 'rank-loss' | 'under' | 'over';
  reason: string;
  /** Higher is worse; comparable between kinds. */
  weight: number;
}

/** Kinds from worst to least; a kind's weight outranks any distance within a lesser kind. */
const KIND_WEIGHT: Record<UnusualLayer['kind'], number> = {
  broken: 4e6,
  failed: 3e6,
  'rank-loss': 2e6,
  under: 1e6,
  over: 1e6,
};

/** The most a layer's own measure adds to its kind's weight. */
const LARGEST_WITHIN_KIND = 9e5;

/**
 * Every reason a result gives to be looked at; none for an ordinary layer.
 *
 * @param result of a weight: of what is no model, nothing is to be said
 */
function unusualIn(result: LayerResult): UnusualLayer[] {
  const found: UnusualLayer[] = [];
  const add = (kind: UnusualLayer['kind'], reason: string, measure: number): void => {
    const weight = KIND_WEIGHT[kind] + Math.min(measure, LARGEST_WITHIN_KIND);
    found.push({ layer: result.name, kind, reason, weight });
  };
  const { nan = 0, inf = 0 } = result.statistics ?? {};
  if (nan + inf > 0) {
    const parts = [nan > 0 && `${formatCount(nan)} NaN`, inf > 0 && `${formatCount(inf)} Inf`].filter(Boolean);
    add('broken', `${parts.join(' and ')} in its elements`, nan + inf);
  } else if (result.problems.length > 0 && result.matrices === 0) {
    add('broken', result.problems[0]!.message, 0);
  }
  if (isAllZero(result)) {
    // Everything else that could be said of it follows from that.
    add('rank-loss', 'all its elements are zero', result.statistics!.zeros);
    return found;
  }
  const failed = failedFit(result);
  if (failed !== undefined) add('failed', `no power-law fit: ${failed}`, 0);
  const lost = lostRank(result);
  const most = result.factored?.rank ?? result.matrices * (result.M ?? 0);
  if (lost > 0) add('rank-loss', `loses ${plural(lost, 'rank')} of ${formatCount(most)}`, lost);
  const alpha = result.fits.KS?.alpha ?? null;
  const judged = layerVerdict(result);
  if (alpha === null || !judged || judged.verdict === 'no verdict') return found;
  const reason = `α ${formatNumber(alpha, 3)}, ${judged.verdict}`;
  switch (alphaRange(alpha)) {
    case 'above':
      add('under', reason, alpha - UNDER_TRAINED);
      break;
    case 'below':
      add('over', reason, OVER_TRAINED - alpha);
      break;
    case 'within':
  }
  return found;
}

/** All unusual layers, worst first, one line for each layer and reason. */
export function unusualLayers(results: Iterable<LayerResult>): UnusualLayer[] {
  const all: UnusualLayer[] = [];
  for (const result of results) {
    if (result.tiedWith === undefined) for (const found of unusualIn(result)) all.push(found);
  }
  return all.sort((a, b) => b.weight - a.weight || a.layer.localeCompare(b.layer));
}
