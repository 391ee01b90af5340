/**
 * D, the Kolmogorov–Smirnov distance, against the start of the tail: at every start of a short spectrum, at some hundred
 * of a long one. Worked out bit by bit, so that a page can draw in between. Pure.
 */
import type { FitRule } from '../../../extension/shared/layers';
import { lowerBound } from '../../../extension/spectral/tail/bounds';
import { tailStarts, type FitOptions, type TailStarts } from '../../../extension/spectral/tail/tailStarts';
import { sampleIndexes } from '../sampleIndexes';

/** Starts of a long spectrum at which D is measured: half of them spread evenly by count, half by log λ. */
export const MOST_STARTS = 400;

/** Why a rule does not take a tail start, whatever its D. */
export type Excluded = 'filtered' | 'rounding' | 'level' | 'outside';

export interface DistancePoint {
  /** Index of the tail's first eigenvalue, among all. */
  start: number;
  /** NaN where the tail has no spread, as D. */
  alpha: number;
  D: number;
}

export class DistanceCurve {
  /** Where D is measured, ascending; xmin of the fit is one of them. */
  readonly starts: readonly number[];
  private readonly measured = new Map<number, DistancePoint>();
  private readonly order: readonly number[];
  private readonly all: TailStarts;

  /**
   * @param eigenvalues λ ascending, the largest above zero
   * @param fitted index of the first eigenvalue of the fitted tail
   * @param options of the fit
   */
  constructor(
    private readonly eigenvalues: Float64Array,
    readonly fitted: number,
    private readonly options: FitOptions,
  ) {
    // What a filter drops is measured, too: the reader is to see what it dropped.
    this.all = tailStarts(eigenvalues, 'KS', { ...options, zeroFilter: false });
    this.starts = startsOf(eigenvalues, this.all.tail.first, fitted);
    this.order = coarseFirst(this.starts);
  }

  get isDone(): boolean {
    return this.measured.size === this.starts.length;
  }

  /** Share of the starts that are measured. */
  get fraction(): number {
    return this.starts.length === 0 ? 1 : this.measured.size / this.starts.length;
  }

  /** Those that are measured and have a spread, ascending. */
  get points(): DistancePoint[] {
    return this.starts.flatMap((start) => {
      const point = this.measured.get(start);
      return point && Number.isFinite(point.D) ? [point] : [];
    });
  }

  /** Measures until all is known or `mayGoOn` says no; one start at least. @returns `isDone` */
  work(mayGoOn: () => boolean): boolean {
    const { tail } = this.all;
    for (const start of this.order.slice(this.measured.size)) {
      const alpha = tail.alpha(start);
      const finite = Number.isFinite(alpha);
      this.measured.set(start, { start, alpha: finite ? alpha : NaN, D: finite ? tail.distance(start, alpha) : NaN });
      if (!mayGoOn()) break;
    }
    return this.isDone;
  }

  /** What a rule says of tail starts. */
  ruleOf(rule: FitRule): StartsOfRule {
    const zeroFilter = this.options.zeroFilter && rule === 'KS';
    return new StartsOfRule(
      this.eigenvalues,
      rule,
      tailStarts(this.eigenvalues, rule, { ...this.options, zeroFilter }),
    );
  }
}

/** The candidates of one rule, by indexes of all eigenvalues. */
export class StartsOfRule {
  constructor(
    private readonly eigenvalues: Float64Array,
    readonly rule: FitRule,
    private readonly found: TailStarts,
  ) {}

  /** The stored type, whose rounding excludes some. */
  get type(): string {
    return this.found.rounding.type;
  }

  /** λ of the first and the last candidate; null without any. */
  get range(): [number, number] | null {
    const { dropped, from, to } = this.found;
    const [first, last] = [this.eigenvalues[dropped + from], this.eigenvalues[dropped + to - 1]];
    return from < to && first !== undefined && last !== undefined ? [first, last] : null;
  }

  /** How many the rule chooses from. */
  get count(): number {
    const { from, to, accepts } = this.found;
    let count = 0;
    for (let index = from; index < to; index++) if (accepts(index)) count++;
    return count;
  }

  /** The largest eigenvalue that was dropped before the fit; null if none was. */
  get filtered(): number | null {
    const { dropped } = this.found;
    return dropped > 0 ? this.eigenvalues[dropped - 1]! : null;
  }

  /** Why the rule does not take that start; undefined if it may. */
  excludes(start: number): Excluded | undefined {
    const { dropped, least, from, to, accepts } = this.found;
    const index = start - dropped;
    if (index < 0) return 'filtered';
    if (index < least) return 'rounding';
    if (index < from || index >= to) return 'outside';
    return accepts(index) ? undefined : 'level';
  }
}

function startsOf(eigenvalues: Float64Array, first: number, fitted: number): number[] {
  // The last value alone is no tail.
  const end = eigenvalues.length - 1;
  if (end <= first) return [];
  if (end - first <= MOST_STARTS) return Array.from({ length: end - first }, (_, i) => first + i);
  const half = MOST_STARTS / 2 - 1;
  const even = sampleIndexes(end - first, half).map((i) => first + i);
  const [low, high] = [Math.log(eigenvalues[first]!), Math.log(eigenvalues[end - 1]!)];
  const byValue = Array.from({ length: half }, (_, i) =>
    Math.min(end - 1, lowerBound(eigenvalues, Math.exp(low + ((high - low) * i) / (half - 1)))),
  );
  const inside = fitted >= first && fitted < end ? [fitted] : [];
  return [...new Set([...even, ...byValue, ...inside])].sort((a, b) => a - b);
}

/** Every 64th first, then every 32nd …: the curve takes shape early. */
function coarseFirst(starts: readonly number[]): number[] {
  const seen = new Set<number>();
  for (let stride = 64; stride >= 1; stride /= 2) {
    for (let at = 0; at < starts.length; at += stride) seen.add(starts[at]!);
  }
  return [...seen];
}
