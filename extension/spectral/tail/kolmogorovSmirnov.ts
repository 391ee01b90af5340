/**
 * The tail start with the smallest Kolmogorov–Smirnov distance, by branch and bound: the same answer as trying every
 * value of every tail, in a small part of the time.
 */
import type { LogTail } from './logTail';
import { SMALLEST_BITS, TailBlocks } from './tailBlocks';

export interface TailStart {
  index: number;
  alpha: number;
  D: number;
}

/** Rounding of the exponential and of the sums in a bound; a block is only skipped when it is beaten by more. */
const BOUND_SLACK = 1e-12;

/** Tail starts that are measured first, spread over the range, so that the rest meets a small D to beat. */
const SCOUTS = 64;

/** Places that are looked at first in every tail: enough that spectra with many equally distant places keep one of each. */
const HINTS = 8;

/**
 * Among tail starts from ≤ i < to, the one with the smallest D(i); the smallest i among equals.
 *
 * @param accepts only these count; all by default
 * @returns undefined where no such start in the range has a finite α
 */
export function smallestDistance(
  tail: LogTail,
  from: number,
  to: number,
  accepts: (index: number) => boolean = () => true,
): TailStart | undefined {
  const search = new Search(tail);
  const stride = scoutStride(from, to);
  for (let index = from; index < to; index += stride) if (accepts(index)) search.try(index);
  for (let index = from; index < to; index++) if (accepts(index)) search.try(index);
  return search.best;
}

/** True if any tail start from ≤ i < to has D(i) < `limit`. The first one found ends the search. */
export function hasSmallerDistance(tail: LogTail, from: number, to: number, limit: number): boolean {
  const search = new Search(tail, limit);
  const stride = scoutStride(from, to);
  for (let index = from; index < to; index += stride) if (search.try(index)) return true;
  for (let index = from; index < to; index++) if (search.try(index)) return true;
  return false;
}

function scoutStride(from: number, to: number): number {
  return Math.max(1, Math.floor((to - from) / SCOUTS));
}

class Search {
  best: TailStart | undefined;
  /**
   * Places at which recent tails were too far from their model, the latest first. The next tail is most likely too far
   * there, too.
   */
  private readonly hints = new Int32Array(HINTS);
  private readonly blocks: TailBlocks;
  private readonly pending: number[] = [];

  /** @param limit only starts with a smaller D count */
  constructor(
    private readonly tail: LogTail,
    private limit = Infinity,
  ) {
    this.blocks = new TailBlocks(tail);
  }

  /** @returns true where the start is the best so far */
  try(index: number): boolean {
    if (this.best?.index === index) return false;
    const alpha = this.tail.alpha(index);
    if (!Number.isFinite(alpha)) return false;
    const D = this.distance(index, alpha);
    if (D === undefined) return false;
    this.best = { index, alpha, D };
    this.limit = D;
    return true;
  }

  /** D(i), or undefined as soon as it is known to lose against the best so far. */
  private distance(index: number, alpha: number): number | undefined {
    const { tail, blocks, pending, hints, limit } = this;
    const { logs, count } = tail;
    const n = count - index;
    const base = logs[index]!;
    const kappa = alpha - 1;
    // An equally good start wins only where it is the smaller xmin.
    const keepsEqual = this.best !== undefined && index < this.best.index;
    const loses = (D: number): boolean => (keepsEqual ? D > limit : D >= limit);
    const model = (at: number): number => Math.exp(-kappa * (logs[at]! - base));
    const deviation = (at: number): number => 1 - model(at) - (at - index) / n;

    let largest = 0;
    for (let hint = 0; hint < HINTS; hint++) {
      const D = Math.abs(deviation(Math.max(index, hints[hint]!)));
      if (loses(D)) {
        this.remember(hints[hint]!, hint);
        return undefined;
      }
      largest = Math.max(largest, D);
    }

    let farthest = -1;
    const measure = (at: number, signed: number): boolean => {
      const D = Math.abs(signed);
      if (D <= largest) return false;
      largest = D;
      farthest = at;
      if (!loses(D)) return false;
      this.remember(at, HINTS - 1);
      return true;
    };
    const end = count - 1;
    const endDeviation = deviation(end);
    if (measure(end, endDeviation)) return undefined;
    // Blocks still to be looked at: bits, block, deviation at both ends, bound; the most promising one is taken first.
    pending.length = 0;
    pending.push(blocks.topBits, 0, 0, endDeviation, Infinity);
    while (pending.length > 0) {
      const bound = pending.pop()!;
      const highDeviation = pending.pop()!;
      const lowDeviation = pending.pop()!;
      const block = pending.pop()!;
      const bits = pending.pop()!;
      if (bound + BOUND_SLACK < largest) continue;
      const low = block << bits;
      const high = blocks.high(bits, block);
      if (bits === SMALLEST_BITS) {
        for (let at = Math.max(low + 1, index); at < high; at++) if (measure(at, deviation(at))) return undefined;
        continue;
      }
      const half = bits - 1;
      const [left, right] = [2 * block, 2 * block + 1];
      const middle = right << half;
      if (middle >= high) {
        pending.push(half, left, lowDeviation, highDeviation, bound);
        continue;
      }
      if (middle <= index) {
        pending.push(half, right, 0, highDeviation, Infinity);
        continue;
      }
      const middleModel = model(middle);
      const middleDeviation = 1 - middleModel - (middle - index) / n;
      if (measure(middle, middleDeviation)) return undefined;
      // The tail may begin inside of the left half: its first value is then no end of a block.
      const lowModel = 1 - lowDeviation - (low - index) / n;
      const leftBound =
        low < index ? Infinity : blocks.bound(half, left, kappa, n, lowDeviation, middleDeviation, lowModel);
      const rightBound = blocks.bound(half, right, kappa, n, middleDeviation, highDeviation, middleModel);
      if (leftBound < rightBound) pending.push(half, left, lowDeviation, middleDeviation, leftBound);
      pending.push(half, right, middleDeviation, highDeviation, rightBound);
      if (leftBound >= rightBound) pending.push(half, left, lowDeviation, middleDeviation, leftBound);
    }
    if (farthest >= 0) this.remember(farthest, HINTS - 1);
    return largest;
  }

  /** Puts a place in front of the hints. @param replaced the hint that gives way */
  private remember(at: number, replaced: number): void {
    this.hints.copyWithin(1, 0, replaced);
    this.hints[0] = at;
  }
}
