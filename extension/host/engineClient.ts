/**
 * The engine's child process as the host sees it: typed requests, its notifications as events, and what happens when
 * it dies. Knows nothing of VS Code, so that its tests need no window.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc';
import type { EngineNotifications, EngineRequests } from '../protocol';
import type { DeviceName } from '../shared/devices';
import { l10n } from '../shared/language/l10n';
import { caller, onNotification, type Caller } from '../shared/rpc';
import type { Problem } from '../shared/tensors';

/** Deaths within `DEATH_WINDOW_MS` after which restarting is left to the person: something is wrong that stays wrong. */
const MAX_DEATHS = 3;
const DEATH_WINDOW_MS = 60_000;

/** Wait before the first restart; doubles with each death in the window, so that a crash loop does not burn a core. */
const FIRST_BACKOFF_MS = 250;

/** A process that was told to end and has not by then (a disk that hangs) is ended by force. */
const END_LIMIT_MS = 2000;

/** vscode-jsonrpc's `ErrorCodes.PendingResponseRejected`: the connection ended before it answered. */
const PENDING_RESPONSE_REJECTED = -32097;

type Rpc = typeof import('vscode-jsonrpc/node');

/** Lines of the engine's standard error that go into the message about its death: the last ones say why. */
const STDERR_LINES = 5;

export type EngineChange =
  /** Ready; `restarted` where documents of a former process must be opened again. */
  | { state: 'running'; restarted: boolean; message: string }
  | { state: 'restarting'; died: boolean; message: string }
  /** Died too often; only `restart()` brings it back. */
  | { state: 'stopped'; died: true; message: string };

type NotificationEvents = { [K in keyof EngineNotifications]: [EngineNotifications[K]] };

export interface EngineEvents extends NotificationEvents {
  state: [EngineChange];
}

export interface EngineClientOptions {
  /** Script of the engine's process. */
  module: string;
  /** Environment on top of our own; asked at each start, so that changed settings count. */
  environment: () => Record<string, string>;
}

interface RunningEngine {
  child: ChildProcess;
  connection: MessageConnection;
  calls: Caller<EngineRequests>;
}

/** A process that is starting. Every request meanwhile waits for this one. */
interface Start {
  promise: Promise<RunningEngine>;
}

/** A start that another one took the place of before its process ran. */
class SupersededError extends Error {
  override readonly name = 'SupersededError';
}

/** A request whose process ended before it answered. */
export class EngineDiedError extends Error {
  override readonly name = 'EngineDiedError';
  toProblem(): Problem {
    return { code: 'engine-died', message: this.message };
  }
}

/** A request that could not be made because the engine has given up. */
export class EngineStoppedError extends Error {
  override readonly name = 'EngineStoppedError';
  toProblem(): Problem {
    return { code: 'engine-stopped', message: this.message };
  }
}

export class EngineClient {
  readonly events = new EventEmitter<EngineEvents>();
  /** The process that runs or is about to; undefined while nobody wants one. Set before anything is waited for. */
  private current: Start | undefined;
  private engine: RunningEngine | undefined;
  /** Every process but the first finds documents that a former one had open. */
  private started = false;
  /** Ends once nothing touches what must not be touched while a process runs (clearing the cache, say). */
  private between: Promise<void> = Promise.resolve();
  private suspects: Promise<unknown> = Promise.resolve();
  private deaths: number[] = [];
  private stopped: string | undefined;
  /** Device in use beside the CPU, and the one in use when the process died: its driver may be why. */
  private accelerator: DeviceName | undefined;
  private suspect: DeviceName | undefined;

  constructor(private readonly options: EngineClientOptions) {
    // One listener for each open document is no leak.
    this.events.setMaxListeners(0);
  }

  /** Process id while it runs: the log and the tests name it. */
  get pid(): number | undefined {
    return this.engine?.child.pid;
  }

  /**
   * Asks the engine, starting it first where needed.
   *
   * @throws ResponseError with a `Problem` where the engine failed; EngineDiedError; EngineStoppedError
   */
  async request<K extends keyof EngineRequests>(
    method: K,
    params: EngineRequests[K]['params'],
    token?: CancellationToken,
  ): Promise<EngineRequests[K]['result']> {
    const engine = await this.running();
    const calls = engine.calls as Caller<Record<K, EngineRequests[K]>>;
    try {
      return (await calls.request(method, params as never, token)) as EngineRequests[K]['result'];
    } catch (error) {
      if ((error as { code?: unknown }).code !== PENDING_RESPONSE_REJECTED) throw error;
      throw new EngineDiedError(l10n.t('The engine ended before it answered; try again.'), { cause: error });
    }
  }

  /** Runs what former processes may have died of, one after the other: the next death is then that one's alone. */
  oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.suspects.then(work);
    this.suspects = turn.catch(() => undefined); // its caller hears it
    return turn;
  }

  /** Why it stays off; undefined while it runs or may run. */
  get stoppedReason(): string | undefined {
    return this.stopped;
  }

  /** Starts the process ahead of the first request, which then need not wait for it. */
  warmUp(): void {
    if (this.stopped === undefined && !this.current) this.begin();
  }

  /**
   * Ends the process, if any, and starts a new one with the current environment; forgets former deaths.
   *
   * @param betweenProcesses runs when the former process is gone and before the next one starts
   * @throws what `betweenProcesses` throws; EngineStoppedError where the client was disposed meanwhile
   */
  async restart(betweenProcesses?: () => Promise<void>): Promise<void> {
    this.deaths = [];
    this.suspect = undefined;
    this.stopped = undefined;
    const gone = this.end();
    const between = this.between.then(() => gone).then(betweenProcesses);
    // Its failure is our caller's news; a process starts all the same, for those who wait for one.
    this.between = between.catch(() => undefined);
    const start = this.begin(() => this.between);
    this.events.emit('state', { state: 'restarting', died: false, message: l10n.t('The engine restarts.') });
    try {
      await start.promise;
    } catch (error) {
      if (!(error instanceof SupersededError)) throw error;
      await this.running();
    }
    await between;
  }

  dispose(): void {
    this.stopped = l10n.t('The engine was shut down.');
    this.current = undefined;
    void this.end();
    this.events.removeAllListeners();
  }

  /** The process that runs; starts one where none is on its way. @throws EngineStoppedError; what the start throws */
  private async running(): Promise<RunningEngine> {
    for (;;) {
      if (this.stopped !== undefined) throw new EngineStoppedError(this.stopped);
      const start = this.current ?? this.begin();
      try {
        const engine = await start.promise;
        if (this.current === start) return engine;
      } catch (error) {
        if (!(error instanceof SupersededError)) throw error;
      }
      // It died, or was restarted, while we waited: the one that takes its place answers.
    }
  }

  /** Begins a start, at once or after `wait`, which never rejects. It is the current one before anything else happens. */
  private begin(wait?: () => Promise<void>): Start {
    let settle: { resolve: (engine: RunningEngine) => void; reject: (error: unknown) => void } | undefined;
    const start: Start = { promise: new Promise((resolve, reject) => (settle = { resolve, reject })) };
    start.promise.catch(() => undefined); // whoever waits for it hears it
    this.current = start;
    const launch = async (): Promise<RunningEngine> => {
      // With the first process only: most windows of an editor never start one.
      const rpc = await import('vscode-jsonrpc/node');
      if (wait) await wait();
      if (this.current !== start) throw new SupersededError('another start took its place');
      try {
        return this.launch(rpc);
      } catch (error) {
        this.current = undefined;
        void this.end();
        throw error;
      }
    };
    launch().then(settle!.resolve, settle!.reject);
    return start;
  }

  private launch({ createMessageConnection, IPCMessageReader, IPCMessageWriter }: Rpc): RunningEngine {
    const restarted = this.started;
    this.started = true;
    this.accelerator = undefined;
    const child = fork(this.options.module, [], {
      serialization: 'advanced',
      execArgv: [],
      env: {
        ...process.env,
        ELECTRON_RUN_AS_NODE: '1',
        ...this.options.environment(),
        ...(this.suspect && { EIGENSCOPE_DIED_DEVICE: this.suspect }),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    const engine = { child, connection, calls: caller<EngineRequests>(connection) };
    const lastLines: string[] = [];
    this.listenToOutput(child, lastLines);
    onNotification<EngineNotifications>(connection, {
      result: (params) => this.events.emit('result', params),
      progress: (params) => this.events.emit('progress', params),
      quick: (params) => this.events.emit('quick', params),
      queue: (params) => this.events.emit('queue', params),
      saving: (params) => this.events.emit('saving', params),
      running: (params) => this.events.emit('running', params),
      testing: (params) => this.events.emit('testing', params),
      changed: (params) => this.events.emit('changed', params),
      device: (params) => {
        const { provider, available } = params;
        this.accelerator = available.find((name) => name === provider && name !== 'cpu');
        this.events.emit('device', params);
      },
      log: (params) => this.events.emit('log', params),
    });
    connection.onError(([error]) => this.events.emit('log', { level: 'error', message: error.message }));
    child.on('error', (error) => this.died(engine, error.message, error.message));
    child.on('exit', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended with status ${code ?? 'unknown'}`;
      const told = signal ? l10n.t('was ended by {0}', signal) : l10n.t('ended with status {0}', code ?? '?');
      this.died(engine, [how, ...lastLines].join('\n'), told);
    });
    connection.listen();
    this.engine = engine;
    this.events.emit('log', { level: 'info', message: `engine started, process ${child.pid ?? 'unknown'}` });
    this.events.emit('state', { state: 'running', restarted, message: restarted ? l10n.t('The engine is back.') : '' });
    return engine;
  }

  private listenToOutput(child: ChildProcess, lastLines: string[]): void {
    const take = (level: 'info' | 'warn') => (text: string) => {
      for (const line of text.split('\n').filter((candidate) => candidate.trim() !== '')) {
        this.events.emit('log', { level, message: line });
        if (level === 'info') continue;
        lastLines.push(line);
        if (lastLines.length > STDERR_LINES) lastLines.shift();
      }
    };
    child.stdout?.setEncoding('utf8').on('data', take('info'));
    child.stderr?.setEncoding('utf8').on('data', take('warn'));
  }

  /** @param reason for the log @param how for the person, in words that follow "The engine" */
  private died(engine: RunningEngine, reason: string, how: string): void {
    if (this.engine !== engine) return; // ended by us, or its death is known already
    this.engine = undefined;
    this.suspect = this.accelerator ?? this.suspect;
    engine.connection.dispose();
    this.events.emit('log', { level: 'error', message: `engine ${reason}` });
    const now = Date.now();
    this.deaths = [...this.deaths.filter((time) => now - time < DEATH_WINDOW_MS), now];
    if (this.deaths.length >= MAX_DEATHS) {
      this.current = undefined;
      this.stopped = l10n.t(
        'The engine {0}, {1} times within a minute, and stays off until it is restarted. The log says more.',
        how,
        this.deaths.length,
      );
      this.events.emit('state', { state: 'stopped', died: true, message: this.stopped });
      return;
    }
    const wait = FIRST_BACKOFF_MS * 2 ** (this.deaths.length - 1);
    const start = this.begin(() => new Promise((resolve) => setTimeout(resolve, wait)));
    this.events.emit('state', {
      state: 'restarting',
      died: true,
      message: l10n.t('The engine {0} and restarts.', how),
    });
    start.promise.catch((error: unknown) => {
      if (error instanceof SupersededError) return;
      this.events.emit('log', { level: 'error', message: `engine restart failed: ${String(error)}` });
    });
  }

  /** Ends the process that runs, if any. @returns once it is gone: what it might still write is written then */
  private async end(): Promise<void> {
    const engine = this.engine;
    this.engine = undefined;
    if (!engine) return;
    const { child, connection } = engine;
    connection.dispose();
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill();
    const late = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
    await exit;
    clearTimeout(late);
  }
}
