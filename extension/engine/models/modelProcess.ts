/**
 * The process that runs a model, seen from the engine. Ending it is how a run is cancelled: onnxruntime does not look up
 * while it computes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { Problem } from '../../shared/tensors';
import type { AnswerMessage, CallName, ModelCalls } from './modelCalls';
import { ModelRunError } from './modelRunError';

const SCRIPT = path.join(__dirname, 'modelRun.js');

/** Of the last line that a dying process wrote. */
const MAX_REASON = 300;

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

export class ModelProcess {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, Waiting>();
  private lastLine = '';
  private calls = 0;
  private readonly endWithUs = (): void => void this.child.kill('SIGKILL');

  /** @param onProgress hears of calls that take long; `script` of the process, for tests */
  constructor(
    private readonly signal: AbortSignal,
    private readonly onProgress: ((fraction: number, message: string) => void) | undefined,
    script = SCRIPT,
  ) {
    signal.throwIfAborted();
    this.child = fork(script, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const lines = text.split('\n').filter((line) => line.trim() !== '');
      this.lastLine = lines.at(-1)?.slice(0, MAX_REASON) ?? this.lastLine;
    });
    this.child.on('message', (message: AnswerMessage) => this.hear(message));
    this.child.on('error', (error) =>
      this.fail(new ModelRunError('ended', `the process that runs the model failed: ${error.message}`)),
    );
    this.child.on('exit', (code, killed) => {
      const how = killed ? `was ended by ${killed}` : `ended with status ${code ?? 'unknown'}`;
      const line = this.lastLine && `: ${this.lastLine}`;
      this.fail(
        new ModelRunError(
          'ended',
          `the process that runs the model ${how}${line}; it may need more memory than there is`,
        ),
      );
    });
    process.on('exit', this.endWithUs);
    signal.addEventListener('abort', this.abort, { once: true });
  }

  /** @throws ModelRunError, the child's problem, or the signal's reason */
  call<K extends CallName>(call: K, params: ModelCalls[K]['params']): Promise<ModelCalls[K]['result']> {
    const id = this.calls++;
    return new Promise((resolve, reject) => {
      this.signal.throwIfAborted();
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, call, params }, (error) => {
        if (error) this.waiting.get(id)?.reject(new ModelRunError('ended', error.message));
      });
    });
  }

  /** Ends it; what it was asked for last is answered by then. */
  async end(): Promise<void> {
    process.removeListener('exit', this.endWithUs);
    this.signal.removeEventListener('abort', this.abort);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }

  private readonly abort = (): void => {
    this.fail(this.signal.reason);
    this.child.kill('SIGKILL');
  };

  private hear(message: AnswerMessage): void {
    if ('progress' in message) {
      this.onProgress?.(message.progress.fraction, message.progress.message);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if ('problem' in message) waiting?.reject(errorOf(message.problem));
    else waiting?.resolve(message.result as never);
  }

  private fail(error: unknown): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}

function errorOf({ code, message }: Problem): ModelRunError {
  return new ModelRunError(code, message);
}
