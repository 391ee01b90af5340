/** Runs an assignment in a thread of its own. */
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Assignment, AssignmentProblem } from './assign';

/**
 * @param script of the thread; beside this program's own by default
 * @returns undefined if even the smallest choices exceed the cap
 * @throws the signal's reason when it fires; the thread's error
 */
export function assignInThread(
  problem: AssignmentProblem,
  signal: AbortSignal,
  script = path.join(__dirname, 'assignment.js'),
): Promise<Assignment | undefined> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const worker = new Worker(script, { workerData: problem });
    const stop = (): void => {
      void worker.terminate();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
    worker.once('message', (assignment: Assignment | undefined) => {
      signal.removeEventListener('abort', stop);
      void worker.terminate();
      resolve(assignment);
    });
    worker.once('error', (error) => {
      signal.removeEventListener('abort', stop);
      reject(error instanceof Error ? error : new Error(String(error)));
    });
    worker.once('exit', () => reject(new Error('the thread of the assignment ended without an answer')));
  });
}
