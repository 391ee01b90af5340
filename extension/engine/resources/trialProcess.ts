/**
 * Tries onnxruntime, or a device, in a process of its own: whatever the library or the driver does there, this one goes
 * on. A library can end the process that loads it: one built for another processor, a damaged one.
 */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { DeviceTrial } from '../../linalg/devices/deviceTrial';
import type { Accelerator } from '../../linalg/devices/providers';

export type TrialVerdict = { trial: DeviceTrial } | { refused: string };

export type OnnxruntimeVerdict = { loads: true } | { refused: string };

/** The argument of a trial of onnxruntime itself, on the CPU. */
export const ONNXRUNTIME = 'cpu';

/** Some 50 MB of libraries may lie on a slow network disk. Nothing that needs them goes on meanwhile. */
const LOAD_LIMIT_MS = 60_000;

const TRIAL_SCRIPT = path.join(__dirname, 'trial.js');

/** Answers within `limitMs`; never rejects. */
export type RunTrial = (provider: Accelerator, limitMs: number) => Promise<TrialVerdict>;

/** A dying process usually names the reason in its last line; so much of it is shown. */
const MAX_REASON = 300;

/** @param onStart hears of each process, for tests */
export function trialProcess(
  script = TRIAL_SCRIPT,
  onStart: (child: ChildProcess) => void = () => undefined,
): RunTrial {
  return (provider, limitMs) => inTrialProcess<TrialVerdict>(script, provider, limitMs, onStart);
}

/** Tries if onnxruntime loads and multiplies rightly. Never rejects. */
export function tryOnnxruntime(script = TRIAL_SCRIPT): Promise<OnnxruntimeVerdict> {
  return inTrialProcess<OnnxruntimeVerdict>(script, ONNXRUNTIME, LOAD_LIMIT_MS, () => undefined);
}

function inTrialProcess<Verdict>(
  script: string,
  argument: string,
  limitMs: number,
  onStart: (child: ChildProcess) => void,
): Promise<Verdict | { refused: string }> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = fork(script, [argument], {
        serialization: 'advanced',
        execArgv: [],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
    } catch (error) {
      // Some errors of the system come as an event, and others are thrown: too little memory, or no right to fork.
      resolve(notStarted(error));
      return;
    }
    onStart(child);
    let lastLine = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      lastLine = lines.at(-1)?.slice(0, MAX_REASON) ?? lastLine;
    });
    const timer = setTimeout(() => {
      finish({ refused: `gave no answer within ${limitMs / 1000} s` });
    }, limitMs);
    // While a library loads, the child does not hear that its channel has closed.
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.on('exit', endWithUs);
    const finish = (verdict: Verdict | { refused: string }): void => {
      clearTimeout(timer);
      process.removeListener('exit', endWithUs);
      child.removeAllListeners();
      child.on('error', () => undefined); // killing what has ended is no news
      child.kill('SIGKILL');
      resolve(verdict);
    };
    child.on('message', (verdict: Verdict) => finish(verdict));
    child.on('error', (error) => finish(notStarted(error)));
    child.on('exit', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended with status ${code ?? 'unknown'}`;
      finish({ refused: `its trial ${how}${lastLine && `: ${lastLine}`}` });
    });
  });
}

function notStarted(error: unknown): { refused: string } {
  return { refused: `its trial could not be started: ${error instanceof Error ? error.message : String(error)}` };
}
