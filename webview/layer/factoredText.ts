/** What is known of a layer that is stored as two factors. */
import { l10n } from '../../extension/shared/language/l10n';
import type { FactoredLayer } from '../../extension/shared/layers';
import { formatCount, formatNumber, formatShare } from '../numbers/format';

/** What an adapter adds, or a weight that was saved as two factors; and how many of its directions matter. */
export function factoredText(name: string, { rank, scale, directions, base }: FactoredLayer): string {
  const added = name.endsWith('delta_weight');
  const made = added ? 'ΔW' : 'W';
  const relative = base?.relative_norm;
  const product = added || scale !== 1 ? `${formatNumber(scale, 4)}·B·A` : 'A·B';
  const computed =
    directions === undefined
      ? l10n.t('{0} = {1}, computed from its factors.', made, product)
      : l10n.many(
          rank,
          '{0} = {1}, computed from its factors: {2} of 1 direction hold 95 % of ‖{0}‖².',
          '{0} = {1}, computed from its factors: {2} of {3} directions hold 95 % of ‖{0}‖².',
          made,
          product,
          directions,
          formatCount(rank),
        );
  if (typeof relative !== 'number') return computed;
  return `${computed} ${l10n.t('‖ΔW‖ is {0} of ‖W‖ ({1} of {2}).', formatShare(relative), base!.tensor, base!.path)}`;
}
