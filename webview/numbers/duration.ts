/** How long something takes, as people say it. */
import { counted } from './format';

export function durationText(seconds: number): string {
  if (seconds < 60) return counted('seconds', Math.max(1, Math.round(seconds)));
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? counted('minutes', minutes) : counted('hours', Math.round(minutes / 60));
}
