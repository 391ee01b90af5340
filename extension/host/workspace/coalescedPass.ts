/**
 * Many small news, one pass over what they are about: a download, an unpacked archive or a training run touches
 * thousands of files at once. Knows nothing of VS Code.
 */

export interface Quiet {
  /** A pass begins once there was no news for this long … */
  quietMs: number;
  /** … or the first news has waited for this long. */
  mostMs: number;
}

export class CoalescedPass {
  private timer: NodeJS.Timeout | undefined;
  private first = 0;
  private latest = 0;
  private running = false;
  private disposed = false;

  /** @param pass takes all news that came until it begins; it must not throw */
  constructor(
    private readonly pass: () => Promise<void>,
    private readonly quiet: Quiet,
  ) {}

  /** There is news. Costs no more than reading the clock: no timer is made for each. */
  touch(): void {
    this.latest = performance.now();
    if (this.timer || this.disposed) return;
    this.first = this.latest;
    this.wait();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }

  private wait(): void {
    const due = Math.min(this.latest + this.quiet.quietMs, this.first + this.quiet.mostMs);
    this.timer = setTimeout(() => this.look(), Math.max(0, due - performance.now()));
  }

  private look(): void {
    const now = performance.now();
    const isQuiet = now >= this.latest + this.quiet.quietMs || now >= this.first + this.quiet.mostMs;
    // News that comes while a pass runs waits for its end.
    if (this.running || !isQuiet) {
      if (this.running) this.first = now;
      this.wait();
      return;
    }
    this.timer = undefined;
    this.running = true;
    void this.pass().finally(() => (this.running = false));
  }
}
