/** Time as a process has it: without that in which it had something to do, but other programs had the processors. */
import { readFileSync } from 'node:fs';

/**
 * Milliseconds since some moment, on Linux without those that the process has waited for a processor: its cases take no
 * longer on a busy machine than on an idle one. Goes on as the clock does where the process is gone.
 */
export function ownTime(pid: number | 'self' = 'self'): number {
  return performance.now() - waited(pid);
}

/** @see https://docs.kernel.org/scheduler/sched-stats.html (`/proc/<pid>/schedstat`: the second number, in nanoseconds) */
function waited(pid: number | 'self'): number {
  if (process.platform !== 'linux') return 0;
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0; // Gone.
  }
}
