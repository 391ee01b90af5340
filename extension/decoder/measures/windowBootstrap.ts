/**
 * How sure a mean over windows is: its 95 % interval by the percentile bootstrap. Windows are drawn, not tokens, because the
 * tokens of one window are of one text. All intervals of an evaluation take the same draws.
 *
 * @see Efron & Tibshirani, An Introduction to the Bootstrap, chapter 13
 */
import { mulberry32 } from '../../spectral/seededRandom';

export const BOOTSTRAP = { seed: 20250616, resamples: 2000, level: 0.95 } as const;

/**
 * @param values of each window
 * @param statistic of the resampled mean; increasing
 * @returns [lower, upper]; null for fewer than two windows, which say nothing of the spread
 */
export function bootstrapInterval(
  values: readonly number[],
  statistic: (mean: number) => number = (mean) => mean,
): [number, number] | null {
  const count = values.length;
  if (count < 2) return null;
  const random = mulberry32(BOOTSTRAP.seed);
  const means = Float64Array.from({ length: BOOTSTRAP.resamples }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[Math.floor(random() * count)]!;
    return sum / count;
  }).sort();
  const tail = (1 - BOOTSTRAP.level) / 2;
  return [statistic(quantile(means, tail)), statistic(quantile(means, 1 - tail))];
}

/** Linear between neighbours. @param sorted ascending */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const next = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return sorted[below]! + (at - below) * (next - sorted[below]!);
}
