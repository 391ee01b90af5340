/**
 * How long this process's loop was held up by its own work. On a busy machine a timer is late for want of a processor, too:
 * the time that the loop's thread waited for one does not count, and no more than the process computed meanwhile.
 */
import { ownTime, processorTime } from './machineSpeed';

const TICK_MS = 10;

export class LoopWatch {
  /** Milliseconds. */
  longestStall = 0;
  private readonly timer: NodeJS.Timeout;

  constructor() {
    let own = ownTime();
    let computed = processorTime();
    this.timer = setInterval(() => {
      const late = ownTime() - own - TICK_MS;
      this.longestStall = Math.max(this.longestStall, Math.min(late, processorTime() - computed));
      own = ownTime();
      computed = processorTime();
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
