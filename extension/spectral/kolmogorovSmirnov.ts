/**
 * The tail start with the smallest Kolmogorov–Smirnov distance, by branch and bound: the same answer as trying every
 * value of every tail, in a small part of the time.
 */
import type { LogTail } from './logTail';

export interface TailStart {
  index: number;
  alpha: number;
  D: number;
}

/** Rounding of the exponential and of the sums in a bound; a block is only skipped when it is beaten by more. */
const BOUND_SLACK = 1e-12;

/** Tail starts that are measured first, spread over the range, so that the rest meets a small D to beat. */
const SCOUTS = 64;

/** A tail up to this long is measured directly: bounds would cost more than they save. */
const DIRECT_LENGTH = 16;

/**
 * Among tail starts from ≤ i < to, the one with the smallest D(i); the smallest i among equals.
 *
 * @returns undefined where no start in the range has a finite α
 */
export function smallestDistance(tail: LogTail, from: number, to: number): TailStart | undefined {
  const search = new Search(tail);
  const stride = Math.max(1, Math.floor((to - from) / SCOUTS));
  for (let index = from; index < to; index += stride) search.try(index);
  for (let index = from; index < to; index++) search.try(index);
  return search.best;
}

class Search {
  best: TailStart | undefined;
  /** The value at which the last tail was farthest from its model: where the next one most likely is, too. */
  private hint = 0;
  private readonly pending: number[] = [];

  constructor(private readonly tail: LogTail) {}

  try(index: number): void {
    const { tail, best } = this;
    if (best?.index === index) return;
    const alpha = tail.alpha(index);
    if (!Number.isFinite(alpha)) return;
    // An equally good start wins only where it is the smaller xmin.
    const limit = best === undefined ? Infinity : best.D;
    const keepsEqual = best === undefined || index < best.index;
    const D = this.distance(index, alpha, limit, keepsEqual);
    if (D !== undefined) this.best = { index, alpha, D };
  }

  /** D(i), or undefined as soon as it is known to lose against `limit`. */
  private distance(index: number, alpha: number, limit: number, keepsEqual: boolean): number | undefined {
    const { tail, pending } = this;
    const { logs, count } = tail;
    const n = count - index;
    const base = logs[index]!;
    const exponent = 1 - alpha;
    const loses = (D: number): boolean => (keepsEqual ? D > limit : D >= limit);
    const model = (at: number): number => 1 - Math.exp(exponent * (logs[at]! - base));

    const guess = Math.max(index, this.hint);
    if (loses(Math.abs(model(guess) - (guess - index) / n))) return undefined;

    // Blocks [low, high] of the tail with the model's values at both ends; model and count both only grow in between.
    pending.length = 0;
    pending.push(index, count - 1, 0, model(count - 1));
    let largest = Math.abs(pending[3]! - (n - 1) / n);
    if (loses(largest)) return undefined;
    while (pending.length > 0) {
      const highModel = pending.pop()!;
      const lowModel = pending.pop()!;
      const high = pending.pop()!;
      const low = pending.pop()!;
      const above = highModel - (low + 1 - index) / n;
      const below = (high - 1 - index) / n - lowModel;
      if (high - low < 2 || Math.max(above, below) + BOUND_SLACK < largest) continue;
      if (high - low <= DIRECT_LENGTH) {
        for (let at = low + 1; at < high; at++) {
          const D = Math.abs(model(at) - (at - index) / n);
          if (D > largest) {
            largest = D;
            this.hint = at;
            if (loses(D)) return undefined;
          }
        }
        continue;
      }
      const middle = (low + high) >>> 1;
      const middleModel = model(middle);
      const D = Math.abs(middleModel - (middle - index) / n);
      if (D > largest) {
        largest = D;
        this.hint = middle;
        if (loses(D)) return undefined;
      }
      // The half that can hold the larger distance is looked at first.
      const left = Math.max(middleModel - (low + 1 - index) / n, (middle - 1 - index) / n - lowModel);
      const right = Math.max(highModel - (middle + 1 - index) / n, (high - 1 - index) / n - middleModel);
      if (left > right) pending.push(middle, high, middleModel, highModel, low, middle, lowModel, middleModel);
      else pending.push(low, middle, lowModel, middleModel, middle, high, middleModel, highModel);
    }
    return largest;
  }
}
