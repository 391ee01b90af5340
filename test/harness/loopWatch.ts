/**
 * How long this process's loop was held up by its own work. On a busy machine a timer is late for want of a processor, too:
 * only as much of its delay counts as the process computed meanwhile.
 */

const TICK_MS = 10;

export class LoopWatch {
  /** Milliseconds. */
  longestStall = 0;
  private readonly timer: NodeJS.Timeout;

  constructor() {
    let clock = performance.now();
    let cpu = process.cpuUsage();
    this.timer = setInterval(() => {
      const { user, system } = process.cpuUsage(cpu);
      const late = performance.now() - clock - TICK_MS;
      this.longestStall = Math.max(this.longestStall, Math.min(late, (user + system) / 1000));
      clock = performance.now();
      cpu = process.cpuUsage();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
