/**
 * How long the jobs of a document will still take: what they cost by formula, at the speed of those that are done. Before a
 * kind of job has begun, the other kind's speed stands for it.
 */
import type { PassSeconds } from '../../shared/estimates';
import type { JobKind } from './jobQueue';

/** Less work than this, in seconds by formula, tells little about the speed. */
const LEAST_DONE = 0.05;

class Kind {
  /** By name: costs of jobs that wait or run. */
  private readonly left = new Map<string, number>();
  /** All of them: 100 000 layers tell their time after each one. */
  private sum = 0;
  private done = 0;
  private seconds = 0;
  private running = 0;
  /** Costs of what runs: half of it, on average, is done. */
  private inWork = 0;
  private since = 0;

  begin(name: string, now: number): void {
    if (this.running++ === 0) this.since = now;
    this.inWork += this.left.get(name) ?? 0;
  }

  add(name: string, cost: number): void {
    this.remove(name);
    this.left.set(name, cost);
    this.sum += cost;
  }

  /** @returns what it would have cost */
  remove(name: string): number {
    const cost = this.left.get(name) ?? 0;
    this.left.delete(name);
    this.sum = this.left.size > 0 ? this.sum - cost : 0;
    return cost;
  }

  /** @param computed false where the result was known, or nothing came of it */
  end(cost: number, computed: boolean, now: number): void {
    // Time with nothing to show for it is no measure of speed: what was known took next to none.
    if (--this.running === 0) this.seconds += now - this.since;
    this.inWork = this.running > 0 ? Math.max(0, this.inWork - cost) : 0;
    if (computed) this.done += cost;
  }

  /** Seconds that a second of cost takes; undefined before enough is done. */
  pace(now: number): number | undefined {
    const seconds = this.seconds + (this.running > 0 ? now - this.since : 0);
    return this.done >= LEAST_DONE ? seconds / (this.done + this.inWork / 2) : undefined;
  }

  /** Seconds left at this pace; undefined without jobs or pace. */
  secondsAt(pace: number | undefined): number | undefined {
    return this.left.size > 0 && pace !== undefined ? Math.max(0, this.sum - this.inWork / 2) * pace : undefined;
  }
}

export class TimeLeft {
  private readonly kinds: Record<JobKind, Kind> = { quick: new Kind(), exact: new Kind() };

  /** @param now seconds on any clock */
  constructor(private readonly now: () => number = () => performance.now() / 1000) {}

  /** A job is wanted, now or later; asking again changes nothing. */
  add(kind: JobKind, name: string, cost: number): void {
    this.kinds[kind].add(name, cost);
  }

  /** It is wanted no more. */
  remove(kind: JobKind, name: string): void {
    this.kinds[kind].remove(name);
  }

  begin(kind: JobKind, name: string): void {
    this.kinds[kind].begin(name, this.now());
  }

  /** @param computed false where the result was known, or nothing came of it */
  end(kind: JobKind, name: string, computed: boolean): void {
    const cost = this.kinds[kind].remove(name);
    this.kinds[kind].end(cost, computed, this.now());
  }

  /** Of each kind that has jobs left and whose pace is known. */
  seconds(): PassSeconds {
    const { quick, exact } = this.kinds;
    const now = this.now();
    const [quickPace, exactPace] = [quick.pace(now), exact.pace(now)];
    const left = { quick: quick.secondsAt(quickPace ?? exactPace), exact: exact.secondsAt(exactPace ?? quickPace) };
    return {
      ...(left.quick !== undefined && { quick: left.quick }),
      ...(left.exact !== undefined && { exact: left.exact }),
    };
  }
}
