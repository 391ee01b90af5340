/**
 * Do two numbers order things alike? Spearman's ρ with mean ranks of ties, Kendall's τ_b, and their 95 % intervals by the
 * bootstrap over the things.
 *
 * @see scipy.stats.spearmanr, scipy.stats.kendalltau
 */
import { BOOTSTRAP, quantile } from '../../decoder/measures/windowBootstrap';
import { spearman } from '../../shared/findings/spearman';
import { mulberry32 } from '../../spectral/seededRandom';
import type { RankCorrelation } from './sensitivityRecords';

/** With fewer, any order is likely by chance. */
const LEAST = 4;

/** Undefined for fewer than 4 pairs, and if one of the two is the same everywhere. */
export function rankCorrelation(a: readonly number[], b: readonly number[]): RankCorrelation | undefined {
  const [rho, tau] = [spearman(a, b), kendall(a, b)];
  if (a.length < LEAST || rho === undefined || tau === undefined) return undefined;
  const random = mulberry32(BOOTSTRAP.seed);
  const draws: { rho: number; tau: number }[] = [];
  for (let draw = 0; draw < BOOTSTRAP.resamples; draw++) {
    const drawn = a.map(() => Math.floor(random() * a.length));
    const [x, y] = [drawn.map((i) => a[i]!), drawn.map((i) => b[i]!)];
    const [drawnRho, drawnTau] = [spearman(x, y), kendall(x, y)];
    // The same thing over and over has no order.
    if (drawnRho !== undefined && drawnTau !== undefined) draws.push({ rho: drawnRho, tau: drawnTau });
  }
  const limits = (key: 'rho' | 'tau'): [number, number] => {
    const sorted = Float64Array.from(draws, (draw) => draw[key]).sort();
    const tail = (1 - BOOTSTRAP.level) / 2;
    return [quantile(sorted, tail), quantile(sorted, 1 - tail)];
  };
  return {
    count: a.length,
    spearman: { value: rho, interval: limits('rho') },
    kendall: { value: tau, interval: limits('tau') },
  };
}

/** τ_b; undefined if one of the two is the same everywhere. */
export function kendall(a: readonly number[], b: readonly number[]): number | undefined {
  let [sum, untiedA, untiedB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)];
      sum += x * y;
      untiedA += x * x;
      untiedB += y * y;
    }
  }
  return untiedA === 0 || untiedB === 0 ? undefined : sum / Math.sqrt(untiedA * untiedB);
}
