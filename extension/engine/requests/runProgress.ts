/** Progress of a run: how much of the work is done, and how long the rest will take at the speed so far. */

/** Before that, a speed is no more than a guess. */
const LEAST_SECONDS = 3;
const LEAST_SHARE = 0.01;

/** Rough speeds, so that factoring and copying weigh about as long as they take: their ratio is what matters. */
const OPERATIONS_PER_SECOND = 1e9;
const BYTES_PER_SECOND = 4e8;

/** Seconds that factoring a matrix takes, roughly: of the order of N·M·min(N, M). */
export function factoringCost(outputs: number, inputs: number): number {
  return (10 * outputs * inputs * Math.min(outputs, inputs)) / OPERATIONS_PER_SECOND;
}

export function copyingCost(bytes: number): number {
  return bytes / BYTES_PER_SECOND;
}

export class RunProgress {
  private readonly started = performance.now();
  private readonly running = new Map<string, number>();
  private done = 0;
  /** Done by an earlier run. */
  private before = 0;

  /**
   * @param total cost of everything
   * @param report takes the share done, a message, and the seconds that are left if they can be told
   */
  constructor(
    private readonly total: number,
    private readonly report: (fraction: number, message: string, secondsLeft?: number) => void,
  ) {}

  /** Work that needs not be done again. */
  skip(cost: number): void {
    this.before += cost;
    this.done += cost;
  }

  /** @param fraction of this piece of work, which costs `cost` */
  at(of: string, cost: number, fraction: number, message: string): void {
    this.running.set(of, cost * fraction);
    this.tell(message);
  }

  finish(of: string, cost: number, message: string): void {
    this.running.delete(of);
    this.done += cost;
    this.tell(message);
  }

  private tell(message: string): void {
    const done = Math.min(this.total, this.done + [...this.running.values()].reduce((sum, part) => sum + part, 0));
    const seconds = (performance.now() - this.started) / 1000;
    const share = (done - this.before) / this.total;
    const known = seconds >= LEAST_SECONDS && share >= LEAST_SHARE;
    const left = known ? (seconds * (this.total - done)) / (done - this.before) : undefined;
    this.report(done / this.total, message, left);
  }
}
