/** How long something will still take, as people say it. */
import { formatCount, plural } from './format';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Shorter times are "less than a minute": they change faster than anybody reads. */
export function formatDuration(seconds: number): string {
  if (seconds < MINUTE) return 'less than a minute';
  if (seconds < HOUR) return plural(Math.round(seconds / MINUTE), 'minute');
  const halves = Math.round((2 * seconds) / HOUR) / 2;
  return `${formatCount(halves)} ${halves === 1 ? 'hour' : 'hours'}`;
}
