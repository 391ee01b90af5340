/** Tries a device in a process of its own: whatever its driver does there, this one goes on. */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { DeviceTrial } from '../../linalg/devices/deviceTrial';
import type { Accelerator } from '../../linalg/devices/providers';

export type TrialVerdict = { trial: DeviceTrial } | { refused: string };

/** Answers within `limitMs`; never rejects. */
export type RunTrial = (provider: Accelerator, limitMs: number) => Promise<TrialVerdict>;

/** Of what a dying process says, the last line usually names the reason. */
const MAX_REASON = 300;

/** @param onStart hears of each process, for tests */
export function trialProcess(
  script = path.join(__dirname, 'trial.js'),
  onStart: (child: ChildProcess) => void = () => undefined,
): RunTrial {
  return (provider, limitMs) =>
    new Promise((resolve) => {
      const child = fork(script, [provider], {
        serialization: 'advanced',
        execArgv: [],
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      });
      onStart(child);
      let lastLine = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        const lines = text.split('\n').filter((line) => line.trim() !== '');
        lastLine = lines.at(-1)?.slice(0, MAX_REASON) ?? lastLine;
      });
      const timer = setTimeout(() => {
        finish({ refused: `gave no answer within ${limitMs / 1000} s` });
      }, limitMs);
      const finish = (verdict: TrialVerdict): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        child.on('error', () => undefined); // killing what has ended is no news
        child.kill('SIGKILL');
        resolve(verdict);
      };
      child.on('message', (verdict: TrialVerdict) => finish(verdict));
      child.on('error', (error) => finish({ refused: `its trial could not be started: ${error.message}` }));
      child.on('exit', (code, signal) => {
        const how = signal ? `was ended by ${signal}` : `ended with status ${code ?? 'unknown'}`;
        finish({ refused: `its trial ${how}${lastLine && `: ${lastLine}`}` });
      });
    });
}
