/** Lists the layers that a person should look at first, worst first, each with the reason in words. */
import { l10n } from '../language/l10n';
import { failedFit, isAllZero, layerVerdict, lostRank } from '../layerFindings';
import type { LayerResult } from '../layers';
import { alphaRange, OVER_TRAINED, UNDER_TRAINED, verdictName, type VerdictCheck } from '../verdict';
import { listWords, PLAIN_NUMBERS, type NumberWords } from './numberWords';

export type UnusualKind = 'broken' | 'failed' | 'rank-loss' | 'under' | 'over' | 'shape';

export interface UnusualLayer {
  layer: string;
  kind: UnusualKind;
  reason: string;
  /** The same for layers of which the same can be said in one line; numbers that may differ are in the others. */
  group: string;
  alpha?: number;
  farmsAlpha?: number;
  /** Directions that the layer could have and has not. */
  lost?: number;
  /** Higher is worse; comparable between kinds. */
  weight: number;
}

/** Kinds from worst to least; a kind's weight outranks any distance within a lesser kind. */
const KIND_WEIGHT: Record<UnusualKind, number> = {
  broken: 5e6,
  failed: 4e6,
  'rank-loss': 3e6,
  under: 2e6,
  over: 2e6,
  shape: 1e6,
};

/** What may be lacking beside the shape: with too short a tail, or none above chance, there is nothing to explain. */
const ON_THE_LAW: ReadonlySet<VerdictCheck['check']> = new Set(['shape', 'law', 'limits', 'distance', 'bootstrap']);

/** The most a layer's own measure adds to its kind's weight. */
const LARGEST_WITHIN_KIND = 9e5;

/**
 * Every reason a result gives to be looked at; none for an ordinary layer.
 *
 * @param result of a weight: of what is no model, nothing is to be said
 */
function unusualIn(result: LayerResult, words: NumberWords): UnusualLayer[] {
  const found: UnusualLayer[] = [];
  const add = (kind: UnusualKind, reason: string, measure: number, about: Partial<UnusualLayer> = {}): void => {
    const weight = KIND_WEIGHT[kind] + Math.min(measure, LARGEST_WITHIN_KIND);
    found.push({ layer: result.name, kind, reason, group: '', weight, ...about });
  };
  const { nan = 0, inf = 0 } = result.statistics ?? {};
  if (nan + inf > 0) {
    const parts = [nan > 0 && `${words.count(nan)} NaN`, inf > 0 && `${words.count(inf)} Inf`];
    const what = listWords(parts.filter((each) => each !== false));
    const group = l10n.english('NaN or Inf in their elements');
    add('broken', l10n.t('{0} in its elements', what), nan + inf, { group });
  } else if (result.problems.length > 0 && result.matrices === 0) {
    const { message, code } = result.problems[0]!;
    add('broken', l10n.known(message), 0, { group: l10n.english('no numbers ({0})', code) });
  }
  if (isAllZero(result)) {
    // Everything else that could be said of it follows from that.
    const { zeros } = result.statistics!;
    add('rank-loss', l10n.t('all its elements are zero'), zeros, {
      group: l10n.english('all their elements are zero'),
    });
    return found;
  }
  const failed = failedFit(result);
  if (failed !== undefined) {
    const reason = l10n.t('no power-law fit: {0}', l10n.known(failed));
    add('failed', reason, 0, { group: l10n.english('no power-law fit: {0}', failed) });
  }
  const lost = lostRank(result);
  const most = result.factored?.rank ?? result.matrices * (result.M ?? 0);
  if (lost > 0) {
    const reason = l10n.many(
      lost,
      'loses 1 rank of {1}',
      'loses {0} ranks of {1}',
      words.count(lost),
      words.count(most),
    );
    add('rank-loss', reason, lost, { lost });
  }
  const alpha = result.fits.KS?.alpha ?? null;
  const judged = layerVerdict(result);
  if (alpha === null || !judged) return found;
  const farmsAlpha = result.farms?.alpha;
  const about = { alpha, ...(typeof farmsAlpha === 'number' && { farmsAlpha }) };
  const lacking = judged.verdict_evidence.flatMap(({ check, holds }) => (holds ? [] : [check]));
  const explained = lacking.includes('shape') && lacking.every((check) => ON_THE_LAW.has(check));
  if (explained && typeof farmsAlpha === 'number') {
    const reason = l10n.t(
      'α {0} is above {1}, FARMS α {2}: its shape explains it',
      words.number(alpha),
      UNDER_TRAINED,
      words.number(farmsAlpha),
    );
    add('shape', reason, alpha - UNDER_TRAINED, about);
  }
  if (judged.verdict === 'no verdict') return found;
  const reason = `α ${words.number(alpha)}, ${verdictName(judged.verdict)}`;
  switch (alphaRange(alpha)) {
    case 'above':
      add('under', reason, alpha - UNDER_TRAINED, about);
      break;
    case 'below':
      add('over', reason, OVER_TRAINED - alpha, about);
      break;
    case 'within':
  }
  return found;
}

/** All unusual layers, worst first, one line for each layer and reason. */
export function unusualLayers(results: Iterable<LayerResult>, words: NumberWords = PLAIN_NUMBERS): UnusualLayer[] {
  const all: UnusualLayer[] = [];
  for (const result of results) {
    if (result.tiedWith === undefined) for (const found of unusualIn(result, words)) all.push(found);
  }
  return all.sort((a, b) => b.weight - a.weight || a.layer.localeCompare(b.layer));
}
