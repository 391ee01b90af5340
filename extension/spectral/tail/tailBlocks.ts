/**
 * How far the ranks in a block of a spectrum lie from a straight line over ln λ, for every block of 16, 32, 64, … values.
 * With it the distance between a block and any power law is bounded from the law's values at the block's two ends.
 */
import type { LogTail } from './logTail';

/** A block of 2⁴ values is the smallest: measuring its values costs no more than bounding parts of it. */
export const SMALLEST_BITS = 4;

export class TailBlocks {
  /** Size of the one block that holds everything, as a power of two. */
  readonly topBits: number;
  /** Position of the last value: the last block of each size ends there. */
  private readonly end: number;
  /** By bits and block: how far ranks rise above the chord between the block's ends, and how far they fall below it. */
  private readonly above: Float64Array[] = [];
  private readonly below: Float64Array[] = [];

  constructor(private readonly tail: LogTail) {
    this.end = tail.count - 1;
    let bits = SMALLEST_BITS;
    while (1 << bits < this.end) bits++;
    this.topBits = bits;
    for (bits = SMALLEST_BITS; bits <= this.topBits; bits++) this.measure(bits);
  }

  /** Position of a block's last value, which is the first of the next block. */
  high(bits: number, block: number): number {
    return Math.min((block + 1) << bits, this.end);
  }

  /**
   * An upper bound of |deviation| over a block, where deviation(j) = 1 − G(j) − (j − start)/n, G(j) = e^(−κ(ln λⱼ − ln λ_start)).
   *
   * @param kappa α − 1 of the law
   * @param n values of the tail
   * @param lowDeviation deviation at the block's first value
   * @param highDeviation deviation at its last value
   * @param lowModel G at its first value
   */
  bound(
    bits: number,
    block: number,
    kappa: number,
    n: number,
    lowDeviation: number,
    highDeviation: number,
    lowModel: number,
  ): number {
    const low = block << bits;
    const high = this.high(bits, block);
    // Law and rank both only grow from one end to the other …
    const rise = (high - low - 1) / n;
    // … and the law is convex in ln λ: it lies below its own chord by at most max(G″)·width²/8.
    const width = kappa * (this.tail.logs[high]! - this.tail.logs[low]!);
    const sag = (lowModel * width * width) / 8;
    const up = Math.max(lowDeviation, highDeviation) + sag + this.below[bits]![block]! / n;
    const down = Math.max(-lowDeviation, -highDeviation) + this.above[bits]![block]! / n;
    return Math.max(Math.min(up, highDeviation + rise), Math.min(down, rise - lowDeviation));
  }

  private measure(bits: number): void {
    const { logs, first } = this.tail;
    const blocks = Math.ceil(this.end / (1 << bits));
    const above = new Float64Array(blocks);
    const below = new Float64Array(blocks);
    // Blocks that reach down to numerical zeros are never bounded: every tail starts above them or inside.
    for (let block = Math.ceil(first / (1 << bits)); block < blocks; block++) {
      const low = block << bits;
      const high = this.high(bits, block);
      const base = logs[low]!;
      const slope = (high - low) / (logs[high]! - base);
      // Equal values: ranks grow evenly between the ends, whose deviations bound theirs.
      if (slope === Infinity) continue;
      for (let at = low + 1; at < high; at++) {
        const excess = at - low - slope * (logs[at]! - base);
        if (excess > above[block]!) above[block] = excess;
        else if (-excess > below[block]!) below[block] = -excess;
      }
    }
    this.above[bits] = above;
    this.below[bits] = below;
  }
}
