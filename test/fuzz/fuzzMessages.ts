/** What the fuzzer's parent process and its worker tell each other. */
import type { Outcome } from './target';

/**
 * The origin of cases: random damage, the hostile corpus, or planted faults in place of the checkpoint readers, to see
 * that the fuzzer finds them.
 */
export type CaseOrigin = 'random' | 'corpus' | 'planted';

/** The worker's only argument, as JSON: each `step`th of the cases [from, to) of one format. */
export interface FuzzJob {
  readonly format: string;
  readonly origin: CaseOrigin;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** An empty folder to work in. */
  readonly folder: string;
}

/** Sent before a case begins, so that a process that dies or hangs is known by it. */
export interface CaseStarted {
  readonly kind: 'started';
  readonly index: number;
  /** Source, file and damage. */
  readonly description: string;
  /** Folder of the damaged checkpoint. */
  readonly folder: string;
}

export interface CaseEnded {
  readonly kind: 'ended';
  readonly index: number;
  readonly outcome?: Outcome;
  /** What is wrong; absent for a good case. */
  readonly fault?: string;
  /** True where the fault may be the machine's (time, memory): it counts when it comes again in a fresh process. */
  readonly unsure: boolean;
  readonly milliseconds: number;
}

export type WorkerMessage = CaseStarted | CaseEnded;
