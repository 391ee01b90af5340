/** How long something will still take, as people say it. */
import { l10n } from '../../extension/shared/language/l10n';
import { counted } from './format';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Shorter times are "less than a minute": they change faster than anybody reads. */
export function formatDuration(seconds: number): string {
  if (seconds < MINUTE) return l10n.t('less than a minute');
  if (seconds < HOUR) return counted('minutes', Math.round(seconds / MINUTE));
  const halves = Math.round((2 * seconds) / HOUR) / 2;
  return counted('hours', halves);
}
