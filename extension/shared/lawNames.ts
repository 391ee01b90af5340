/** Laws that a tail may follow, in words. */
import { l10n } from './language/l10n';
import type { TailShape } from './layers';

const NAMES: Record<NonNullable<TailShape['law']>, string> = {
  power_law: l10n.t('power law'),
  truncated_power_law: l10n.t('power law with exponential cut-off'),
  exponential: l10n.t('exponential'),
  stretched_exponential: l10n.t('stretched exponential'),
  lognormal: l10n.t('log-normal'),
  undecided: l10n.t('undecided'),
};

export function lawName(law: NonNullable<TailShape['law']>): string {
  return NAMES[law];
}
