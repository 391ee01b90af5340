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
  readonly left = new Map<string, number>();
  private done = 0;
  private seconds = 0;
  private running = 0;
  private since = 0;

  begin(now: number): void {
    if (this.running++ === 0) this.since = now;
  }

  /** @param cost of what was computed; 0 where it was known */
  end(cost: number, now: number): void {
    // Time with nothing to show for it is no measure of speed: what was known took next to none.
    if (--this.running === 0) this.seconds += now - this.since;
    this.done += cost;
  }

  /** Seconds that a second of cost takes; undefined before enough is done. */
  pace(now: number): number | undefined {
    const seconds = this.seconds + (this.running > 0 ? now - this.since : 0);
    return this.done >= LEAST_DONE ? seconds / this.done : undefined;
  }

  get cost(): number {
    let sum = 0;
    for (const cost of this.left.values()) sum += cost;
    return sum;
  }
}

export class TimeLeft {
  private readonly kinds: Record<JobKind, Kind> = { quick: new Kind(), exact: new Kind() };

  /** @param now seconds on any clock */
  constructor(private readonly now: () => number = () => performance.now() / 1000) {}

  /** A job is wanted, now or later; asking again changes nothing. */
  add(kind: JobKind, name: string, cost: number): void {
    this.kinds[kind].left.set(name, cost);
  }

  /** It is wanted no more. */
  remove(kind: JobKind, name: string): void {
    this.kinds[kind].left.delete(name);
  }

  begin(kind: JobKind): void {
    this.kinds[kind].begin(this.now());
  }

  /** @param computed false where the result was known, or nothing came of it */
  end(kind: JobKind, name: string, computed: boolean): void {
    const { left } = this.kinds[kind];
    this.kinds[kind].end(computed ? (left.get(name) ?? 0) : 0, this.now());
    left.delete(name);
  }

  /** Of each kind that has jobs left and whose pace is known. */
  seconds(): PassSeconds {
    const { quick, exact } = this.kinds;
    const now = this.now();
    const [quickPace, exactPace] = [quick.pace(now), exact.pace(now)];
    const of = (kind: Kind, pace: number | undefined): number | undefined =>
      kind.left.size > 0 && pace !== undefined ? kind.cost * pace : undefined;
    const left = { quick: of(quick, quickPace ?? exactPace), exact: of(exact, exactPace ?? quickPace) };
    return {
      ...(left.quick !== undefined && { quick: left.quick }),
      ...(left.exact !== undefined && { exact: left.exact }),
    };
  }
}
