/** What a method lacks: the statistics that it needs beside those that are at hand. */
import { unmetNeeds, type Need } from '../../extension/shared/compression/methodNeeds';
import type { MethodName } from '../../extension/shared/compression/methodTable';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';

/** What it needs, each with that verb; undefined if nothing is lacking. */
export type Lacking = (method: MethodName) => string | undefined;

const WORDS: Record<Need, string> = {
  fisher: l10n.t('needs Fisher information'),
  diagonal: l10n.t('needs mean |x| or an imatrix'),
  gram: l10n.t('needs input Grams'),
  mean: l10n.t('needs input means with their number of tokens'),
  'gram|diagonal': l10n.t('needs input Grams or an imatrix'),
  quantised: l10n.t('needs a quantised checkpoint of this model'),
};

/**
 * A method can run if some layer is covered; layers that are not stay dense, and the plan says why.
 *
 * @param quantised a quantised checkpoint is at hand
 */
export function lackingWith(statistics: StatisticsSummary | null, quantised: boolean): Lacking {
  const has = [...new Set(statistics?.covered.flatMap((layer) => layer.has) ?? [])];
  const tokens = statistics?.covered.some((layer) => layer.tokens !== null) ?? false;
  return (method) => {
    const missing = unmetNeeds(method, { has, tokens, quantised });
    if (missing.length === 0) return undefined;
    return missing.map((need) => WORDS[need]).join(', ');
  };
}
