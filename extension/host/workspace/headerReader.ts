/**
 * Reads headers for the hover's index in a process of its own, one file after the other. The process has a limit of
 * memory and of time for each file; what it dies of is known, and nothing else is lost. Knows nothing of VS Code.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { MessageConnection } from 'vscode-jsonrpc';
import type { HeaderRequests } from '../../protocol';
import { caller, type Caller } from '../../shared/rpc';
import type { PackedSummary } from '../../shared/tensors';

/** Limit of V8's heap; `headers.ts` limits the rest. The header of the largest models takes some 100 MB. */
const HEAP_MB = 320;

/** Headers take milliseconds, those of 100 000 tensors seconds on a busy machine. */
const FILE_MS = 20_000;

/** Without work for this long, the process ends. */
const IDLE_MS = 30_000;

/** Characters of its standard error that go into the message about its death: V8's own last words are long. */
const STDERR_CHARACTERS = 200;

type Rpc = typeof import('vscode-jsonrpc/node');

interface Reading {
  child: ChildProcess;
  connection: MessageConnection;
  calls: Caller<HeaderRequests>;
  /** Rejects with the reason when the process ends. */
  ended: Promise<never>;
}

/** The process ended while it read this file. */
export class HeaderReaderDiedError extends Error {
  override readonly name = 'HeaderReaderDiedError';
}

export class HeaderReader {
  private process: Reading | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private idle: NodeJS.Timeout | undefined;
  private disposed = false;
  /** Processes started; the tests count them. */
  started = 0;

  constructor(
    private readonly module: string,
    private readonly fileMs = FILE_MS,
  ) {}

  /** @throws HeaderReaderDiedError where the process ended; ResponseError with the engine's `Problem` where it refused */
  read(path: string): Promise<PackedSummary> {
    const reading = this.last.then(() => this.readNow(path));
    this.last = reading.catch(() => undefined);
    return reading;
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.idle);
    this.end();
  }

  private async readNow(path: string): Promise<PackedSummary> {
    clearTimeout(this.idle);
    // With the first file only: most folders have none.
    const rpc = await import('vscode-jsonrpc/node');
    if (this.disposed) throw new HeaderReaderDiedError('the window closes');
    const process = (this.process ??= this.start(rpc));
    const late = setTimeout(() => {
      process.child.kill('SIGKILL');
    }, this.fileMs);
    try {
      const answer = process.calls.request('headers', { path });
      answer.catch(() => undefined); // where the process ends, that is what is told
      return await Promise.race([answer, process.ended]);
    } finally {
      clearTimeout(late);
      this.idle = setTimeout(() => this.end(), IDLE_MS);
      this.idle.unref();
    }
  }

  private start({ createMessageConnection, IPCMessageReader, IPCMessageWriter }: Rpc): Reading {
    this.started += 1;
    const child = fork(this.module, [], {
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${HEAP_MB}`],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-STDERR_CHARACTERS);
    });
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    const ended = new Promise<never>((_, reject) => {
      const end = (how: string): void => {
        if (this.process?.child === child) this.process = undefined;
        const words = [how, lastWords.trim()].filter((part) => part !== '').join(': ');
        reject(new HeaderReaderDiedError(words)); // before its requests are rejected for lack of a connection
        connection.dispose();
      };
      child.on('error', (error) => end(error.message));
      // Its last words have been read then.
      child.on('close', (code, signal) =>
        end(signal ? `ended by ${signal}` : `ended with status ${code ?? 'unknown'}`),
      );
    });
    ended.catch(() => undefined); // heard by whoever reads just then
    connection.onError(() => undefined); // its end says more
    connection.listen();
    return { child, connection, calls: caller<HeaderRequests>(connection), ended };
  }

  private end(): void {
    const process = this.process;
    this.process = undefined;
    process?.child.kill('SIGKILL');
  }
}
