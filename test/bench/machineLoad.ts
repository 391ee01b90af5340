/** How much of the machine other programs took while a bench ran: beyond a little, its times are no verdict. */
import { cpus } from 'node:os';

/** Share of all processors' time. */
const NO_VERDICT = 0.05;

export class MachineLoad {
  private readonly before = busySeconds();
  private readonly ownBefore = ownSeconds();
  private readonly started = performance.now();
  private children = 0;

  /** @param seconds processor time of a program that the bench started and waited for */
  addChild(seconds: number): void {
    this.children += seconds;
  }

  /** @returns the share that others took so far, and if that leaves room for a verdict */
  seen(): { others: number; quiet: boolean } {
    const all = (cpus().length * (performance.now() - this.started)) / 1000;
    const own = ownSeconds() - this.ownBefore + this.children;
    const others = Math.max(0, busySeconds() - this.before - own) / all;
    return { others, quiet: others <= NO_VERDICT };
  }
}

function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
