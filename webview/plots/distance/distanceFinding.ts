/** Why xmin is where it is, in sentences: what a reader of D against xmin is to see. Pure. */
import { l10n } from '../../../extension/shared/language/l10n';
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
  if (!fit) return l10n.t('D is not known at the fitted xmin.');
  const sentences = [whyFitted(rule, shown(fit.D), xmin(fitted))];
  const better = smallest(points);
  if (better.D < fit.D * (1 - SLACK)) {
    const why = whyNot(rule, rule.excludes(better.start));
    sentences.push(
      l10n.t('D is smaller, {0}, at xmin {1}, which it does not take: {2}.', shown(better.D), xmin(better.start), why),
    );
  }
  const near = nearlyAsGood(points, at);
  if (near.length > 1) {
    const alphas = near.map(({ alpha }) => alpha);
    const [least, most] = [shown(smallestOf(alphas)), shown(largestOf(alphas))];
    const [from, to] = [near[0]!.start, near.at(-1)!.start];
    const around = [xmin(from), xmin(to)] as const;
    sentences.push(
      least === most
        ? l10n.t('Around it, D stays within 10% from xmin {0} to {1}, where alpha stays {2}.', ...around, least)
        : l10n.t(
            'Around it, D stays within 10% from xmin {0} to {1}, where alpha lies between {2} and {3}.',
            ...around,
            least,
            most,
          ),
    );
  }
  if (moved && Number.isFinite(moved.D)) {
    sentences.push(
      l10n.t(
        'At the xmin chosen by hand, {0}, D is {1} and alpha {2}.',
        xmin(moved.start),
        shown(moved.D),
        shown(moved.alpha),
      ),
    );
  }
  return sentences.join(' ');
}

function whyFitted(rule: StartsOfRule, D: string, xmin: string): string {
  switch (rule.rule) {
    case 'KS':
      return l10n.t(
        'KS takes the xmin with the smallest D of {0} candidates: D {1} at xmin {2}.',
        formatCount(rule.count),
        D,
        xmin,
      );
    case 'xmin_mid':
      return l10n.t('xmin_mid takes the middle eigenvalue, whatever its D: D {0} at xmin {1}.', D, xmin);
    case 'xmin_peak': {
      const [low, high] = (rule.range ?? []).map((value) => formatNumber(value, 3));
      return l10n.t(
        'xmin_peak takes the smallest D near the peak of the spectrum, from xmin {0} to {1}: D {2} at xmin {3}.',
        low ?? '–',
        high ?? '–',
        D,
        xmin,
      );
    }
  }
}

/** Reads after a colon. @param excluded undefined where the rule might have taken it */
function whyNot(rule: StartsOfRule, excluded: Excluded | undefined): string {
  switch (excluded) {
    case 'filtered':
      return l10n.t('eigenvalues up to {0} are dropped before the fit', formatNumber(rule.filtered ?? 0, 3));
    case 'rounding':
      return l10n.t('it lies within the rounding of {0}', rule.type);
    case 'level':
      return l10n.t('half of that tail has one value');
    case 'outside':
      return OUTSIDE[rule.rule];
    case undefined:
      return l10n.t('its alpha is not above 1');
  }
}

const OUTSIDE: Record<FitRule, string> = {
  KS: l10n.t('the largest eigenvalue alone is no tail'),
  xmin_mid: l10n.t('it is not the middle one'),
  xmin_peak: l10n.t('it is not near the peak'),
};

/** In a word or two, for a table. */
export function excludedWord(rule: StartsOfRule, start: number): string {
  const words: Record<Excluded, string> = {
    filtered: l10n.t('dropped before the fit'),
    rounding: l10n.t('within the rounding of {0}', rule.type),
    level: l10n.t('half of the tail has one value'),
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
