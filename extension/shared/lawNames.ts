/** Laws that a tail may follow, in words. */
import type { TailShape } from './layers';

const NAMES: Record<NonNullable<TailShape['law']>, string> = {
  power_law: 'power law',
  truncated_power_law: 'power law with exponential cut-off',
  exponential: 'exponential',
  stretched_exponential: 'stretched exponential',
  lognormal: 'log-normal',
  undecided: 'undecided',
};

export function lawName(law: NonNullable<TailShape['law']>): string {
  return NAMES[law];
}
