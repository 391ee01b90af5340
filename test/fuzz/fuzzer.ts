/**
 * Damages checkpoints, opens them in a process of its own and reports what must not be: any exception but
 * CheckpointError, a case that takes too long or too much memory, a process that dies, files left open or written, files
 * of other folders read.
 */
import { fork } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { allowed, ownTime } from '../harness/machineSpeed';
import type { CaseEnded, CaseOrigin, CaseStarted, FuzzJob, WorkerMessage } from './fuzzMessages';
import { HANG_MILLISECONDS, REPEATS } from './limits';
import type { Outcome } from './target';

export interface FuzzOptions {
  readonly format: string;
  readonly origin: CaseOrigin;
  readonly seed: number;
  /** Cases [from, to), each `step`th of them; all by default. */
  readonly from: number;
  readonly to: number;
  readonly step?: number;
  readonly hangMilliseconds?: number;
}

export interface FuzzFailure {
  readonly format: string;
  readonly origin: CaseOrigin;
  readonly seed: number;
  readonly index: number;
  /** Source, file and damage. */
  readonly description: string;
  readonly fault: string;
  /** A folder with a copy of the damaged checkpoint. */
  readonly kept: string;
}

export interface FuzzReport {
  readonly format: string;
  readonly counts: Record<Outcome, number>;
  readonly failures: FuzzFailure[];
  readonly slowestMilliseconds: number;
}

/** Stops when that many have failed: they are one fault, most likely. */
const MAX_FAILURES = 20;

/** Larger files of a case that failed are not kept: those of the corpus are holes, which a copy would fill. */
const MAX_KEPT_BYTES = 2 ** 30;

/** A process that hangs is noticed so much later at most. */
const LISTEN_MILLISECONDS = 500;

/** Characters kept of what a process said last before it died. */
const STDERR_CHARACTERS = 2000;

/** Runs the cases; every failure is kept as a folder in the system's temporary folder. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const counts: Record<Outcome, number> = { opened: 0, partial: 0, refused: 0 };
  const failures: FuzzFailure[] = [];
  let slowest = 0;
  let next = options.from;
  while (next < options.to && failures.length < MAX_FAILURES) {
    const range = { ...options, from: next };
    next = await runWorker(range, async (started, { outcome, fault, unsure, milliseconds }) => {
      slowest = Math.max(slowest, milliseconds);
      if (outcome) {
        counts[outcome]++;
        return;
      }
      const again = unsure ? await repeated(options, started.index) : { fault, outcome: undefined };
      if (again.outcome) {
        counts[again.outcome]++;
        return;
      }
      const kept = mkdtempSync(path.join(os.tmpdir(), `eigenscope-fuzz-${options.format.replaceAll(' ', '-')}-`));
      cpSync(started.folder, kept, { recursive: true, verbatimSymlinks: true, filter: canBeKept });
      const { format, origin, seed } = options;
      const { index, description } = started;
      failures.push({ format, origin, seed, index, description, fault: again.fault ?? 'failed', kept });
    });
  }
  return { format: options.format, counts, failures, slowestMilliseconds: slowest };
}

function canBeKept(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= MAX_KEPT_BYTES;
}

/** The case again: garbage collected or a core shared at the wrong moment is no fault. @returns the best, or the last */
async function repeated(options: FuzzOptions, index: number): Promise<Pick<CaseEnded, 'outcome' | 'fault'>> {
  for (let repeats = 1; ; repeats++) {
    const result = await alone(options, index);
    if (result.outcome || !result.unsure || repeats === REPEATS) return result;
  }
}

/** One case in a fresh process. */
async function alone(options: FuzzOptions, index: number): Promise<Pick<CaseEnded, 'outcome' | 'fault' | 'unsure'>> {
  let result: CaseEnded | undefined;
  await runWorker({ ...options, from: index, to: index + 1 }, (_, ended) => {
    result = ended;
    return Promise.resolve();
  });
  return result ?? { fault: 'the process ended before the case', unsure: false };
}

/**
 * Runs a worker until it is done, dies or has a case that failed.
 *
 * @returns the case to go on with
 */
async function runWorker(
  options: FuzzOptions,
  report: (started: CaseStarted, ended: CaseEnded) => Promise<void>,
): Promise<number> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-fuzzing-'));
  try {
    const { format, origin, seed, from, to, step = 1 } = options;
    const job: FuzzJob = { format, origin, seed, from, to, step, folder };
    return await watch(job, report, options.hangMilliseconds ?? HANG_MILLISECONDS);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function watch(
  job: FuzzJob,
  report: (started: CaseStarted, ended: CaseEnded) => Promise<void>,
  hangMilliseconds: number,
): Promise<number> {
  const child = fork(path.join(__dirname, 'worker.main.js'), [JSON.stringify(job)], {
    execArgv: ['--expose-gc', '--enable-source-maps'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_CHARACTERS)));
  let current: CaseStarted | undefined;
  let next = job.from;
  let failed: { started: CaseStarted; ended: CaseEnded } | undefined;
  let hung = false;
  const reports: Promise<void>[] = [];
  const time = (): number => ownTime(child.pid);
  let heard = time();
  const timer = setInterval(() => {
    if (time() - heard <= hangMilliseconds || time() - heard <= allowed(hangMilliseconds)) return;
    hung = true;
    child.kill('SIGKILL');
  }, LISTEN_MILLISECONDS);
  child.on('message', (message: WorkerMessage) => {
    heard = time();
    if (message.kind === 'started') {
      current = message;
      return;
    }
    next = message.index + job.step;
    if (message.fault === undefined) reports.push(report(current!, message));
    else failed = { started: current!, ended: message };
    current = undefined;
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearInterval(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearInterval(timer);
      const finish = async () => {
        await Promise.all(reports);
        if (!failed && current) {
          const fault = hung ? 'never ended' : `the process ended (${signal ?? code})\n${stderr}`;
          next = current.index + job.step;
          const ended = { kind: 'ended', index: current.index, fault, unsure: false, milliseconds: 0 } as const;
          failed = { started: current, ended };
        }
        if (failed) await report(failed.started, failed.ended);
        else if (next < job.to) throw new Error(`the worker ended (${signal ?? code}) before case ${next}\n${stderr}`);
        return next;
      };
      finish().then(resolve, reject);
    });
  });
}
