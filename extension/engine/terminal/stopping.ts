/** What a program does on Ctrl+C, or if it is asked to end: its work is cancelled, and its exit code tells the signal. */
import { constants } from 'node:os';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Stopping {
  /** Fires at the first of the signals; a second one ends the process. */
  readonly signal: AbortSignal;
  /** Of a program that was stopped, as shells tell it. */
  readonly exitCode: () => number;
}

export function stopping(): Stopping {
  const controller = new AbortController();
  let stopped = 0;
  for (const signal of STOP_SIGNALS) {
    process.once(signal, () => {
      stopped = constants.signals[signal];
      controller.abort();
    });
  }
  return { signal: controller.signal, exitCode: () => 128 + stopped };
}
