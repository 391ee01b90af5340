/** Why xmin is where it is, in sentences: what a reader of D against xmin is to see. Pure. */
import { largestOf, smallestOf } from '../../../extension/shared/extremes';
import type { FitRule } from '../../../extension/shared/layers';
import { formatCount, formatNumber } from '../../numbers/format';
import type { DistancePoint, Excluded, StartsOfRule } from './distanceCurve';

/** xmin is told apart from others whose D differs by more than this share. */
const NEARLY = 0.1;

/** Rounding of D. */
const SLACK = 1e-9;

export interface DistanceState {
  /** λ ascending. */
  eigenvalues: Float64Array;
  /** Ascending; the fitted one among them. */
  points: readonly DistancePoint[];
  rule: StartsOfRule;
  /** Index of the first eigenvalue of the fitted tail. */
  fitted: number;
  /** Of a tail chosen by hand, if it is another. */
  moved?: DistancePoint;
}

/** Sentences in the order in which a reader needs them. */
export function distanceFinding(state: DistanceState): string {
  const { eigenvalues, points, rule, fitted, moved } = state;
  const shown = (value: number): string => formatNumber(value, 3);
  const xmin = (start: number): string => shown(eigenvalues[start]!);
  const at = points.findIndex(({ start }) => start === fitted);
  const fit = points[at];
  if (!fit) return 'D is not known at the fitted xmin.';
  const sentences = [whyFitted(rule, shown(fit.D), xmin(fitted))];
  const better = smallest(points);
  if (better.D < fit.D * (1 - SLACK)) {
    const why = whyNot(rule, rule.excludes(better.start));
    sentences.push(`D is smaller, ${shown(better.D)}, at xmin ${xmin(better.start)}, which it does not take: ${why}.`);
  }
  const near = nearlyAsGood(points, at);
  if (near.length > 1) {
    const alphas = near.map(({ alpha }) => alpha);
    const [least, most] = [shown(smallestOf(alphas)), shown(largestOf(alphas))];
    const [from, to] = [near[0]!.start, near.at(-1)!.start];
    sentences.push(
      `Around it, D stays within 10% from xmin ${xmin(from)} to ${xmin(to)}, ` +
        `where alpha ${least === most ? `stays ${least}` : `lies between ${least} and ${most}`}.`,
    );
  }
  if (moved && Number.isFinite(moved.D)) {
    sentences.push(
      `At the xmin chosen by hand, ${xmin(moved.start)}, D is ${shown(moved.D)} and alpha ${shown(moved.alpha)}.`,
    );
  }
  return sentences.join(' ');
}

function whyFitted(rule: StartsOfRule, D: string, xmin: string): string {
  switch (rule.rule) {
    case 'KS':
      return `KS takes the xmin with the smallest D of ${formatCount(rule.count)} candidates: D ${D} at xmin ${xmin}.`;
    case 'xmin_mid':
      return `xmin_mid takes the middle eigenvalue, whatever its D: D ${D} at xmin ${xmin}.`;
    case 'xmin_peak': {
      const [low, high] = (rule.range ?? []).map((value) => formatNumber(value, 3));
      return (
        `xmin_peak takes the smallest D near the peak of the spectrum, ` +
        `from xmin ${low ?? '–'} to ${high ?? '–'}: D ${D} at xmin ${xmin}.`
      );
    }
  }
}

/** Reads after a colon. @param excluded undefined where the rule might have taken it */
function whyNot(rule: StartsOfRule, excluded: Excluded | undefined): string {
  switch (excluded) {
    case 'filtered':
      return `eigenvalues up to ${formatNumber(rule.filtered ?? 0, 3)} are dropped before the fit`;
    case 'rounding':
      return `it lies within the rounding of ${rule.type}`;
    case 'level':
      return 'half of that tail has one value';
    case 'outside':
      return OUTSIDE[rule.rule];
    case undefined:
      return 'its alpha is not above 1';
  }
}

const OUTSIDE: Record<FitRule, string> = {
  KS: 'the largest eigenvalue alone is no tail',
  xmin_mid: 'it is not the middle one',
  xmin_peak: 'it is not near the peak',
};

/** In a word or two, for a table. */
export function excludedWord(rule: StartsOfRule, start: number): string {
  const words: Record<Excluded, string> = {
    filtered: 'dropped before the fit',
    rounding: `within the rounding of ${rule.type}`,
    level: 'half of the tail has one value',
    outside: OUTSIDE[rule.rule],
  };
  const excluded = rule.excludes(start);
  return excluded === undefined ? '' : words[excluded];
}

function smallest(points: readonly DistancePoint[]): DistancePoint {
  return points.reduce((best, point) => (point.D < best.D ? point : best));
}

/** Neighbours of the fitted one, without a gap, at which D differs by a tenth at most. */
function nearlyAsGood(points: readonly DistancePoint[], at: number): readonly DistancePoint[] {
  const D = points[at]!.D;
  const near = (point: DistancePoint): boolean => Math.abs(point.D - D) <= NEARLY * D;
  let [from, to] = [at, at];
  while (from > 0 && near(points[from - 1]!)) from--;
  while (to < points.length - 1 && near(points[to + 1]!)) to++;
  return points.slice(from, to + 1);
}
