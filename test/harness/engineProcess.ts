/** The built engine in a process of its own, behind its typed messages, as the extension host has it. */
import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { CancellationToken, MessageConnection } from 'vscode-jsonrpc';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import type { EngineNotifications, EngineRequests, Stamped } from '../../extension/protocol';
import { caller, onNotification, type Caller } from '../../extension/shared/rpc';
import { repositoryRoot } from './shared';

export interface EngineProcessOptions {
  /** Without one nothing is kept on disk. */
  cacheFolder?: string;
  threads?: number;
  memoryMegabytes?: number;
  /** Script that runs in the process before the engine. */
  preload?: string;
  environment?: Record<string, string>;
}

/** What the engine answered, without whose it is. */
export type Answer<K extends keyof EngineRequests> = EngineRequests[K]['result'] extends Stamped<infer T> | null
  ? T | Extract<EngineRequests[K]['result'], null>
  : EngineRequests[K]['result'];

export class EngineProcess {
  readonly child: ChildProcess;
  readonly results: EngineNotifications['result'][] = [];
  readonly progress: EngineNotifications['progress'][] = [];
  readonly changes: EngineNotifications['changed'][] = [];
  readonly testing: EngineNotifications['testing'][] = [];
  readonly looks: EngineNotifications['quick'][] = [];
  readonly runs: EngineNotifications['running'][] = [];
  queue: EngineNotifications['queue'] | undefined;
  device: EngineNotifications['device'] | undefined;
  private readonly engine: Caller<EngineRequests>;
  private readonly connection: MessageConnection;
  private readonly watchers = new Set<() => void>();

  constructor({ cacheFolder, threads = 2, memoryMegabytes, preload, environment = {} }: EngineProcessOptions) {
    const inherited = { ...process.env };
    delete inherited.EIGENSCOPE_CACHE_DIR;
    this.child = fork(path.join(repositoryRoot, 'dist', 'engine.js'), [], {
      serialization: 'advanced',
      execArgv: preload === undefined ? [] : ['--require', preload],
      env: {
        ...inherited,
        ...(cacheFolder !== undefined && { EIGENSCOPE_CACHE_DIR: cacheFolder }),
        EIGENSCOPE_THREADS: String(threads),
        ...(memoryMegabytes !== undefined && { EIGENSCOPE_MEMORY_MB: String(memoryMegabytes) }),
        ...environment,
      },
    });
    this.connection = createMessageConnection(new IPCMessageReader(this.child), new IPCMessageWriter(this.child));
    onNotification<EngineNotifications>(this.connection, {
      result: (result) => this.saw(this.results.push(result)),
      progress: (progress) => this.saw(this.progress.push(progress)),
      quick: (look) => this.saw(this.looks.push(look)),
      queue: (queue) => this.saw((this.queue = queue)),
      saving: () => undefined,
      running: (running) => this.saw(this.runs.push(running)),
      testing: (testing) => this.saw(this.testing.push(testing)),
      changed: (change) => this.saw(this.changes.push(change)),
      device: (device) => this.saw((this.device = device)),
      log: () => undefined,
    });
    this.connection.listen();
    this.engine = caller<EngineRequests>(this.connection);
  }

  async request<K extends keyof EngineRequests>(
    method: K,
    params: EngineRequests[K]['params'],
    token?: CancellationToken,
  ): Promise<Answer<K>> {
    const calls = this.engine as Caller<Record<K, EngineRequests[K]>>;
    const reply: unknown = await calls.request(method, params as never, token);
    return (isStamped(reply) ? reply.answer : reply) as Answer<K>;
  }

  private saw(_: unknown): void {
    for (const watcher of this.watchers) watcher();
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!condition()) return;
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
      watcher();
    });
  }

  idle(): Promise<void> {
    return this.until(() => {
      if (!this.queue) return false;
      const { done, total, active, quick = { done: 0, total: 0 } } = this.queue;
      return done + quick.done >= total + quick.total && active.length === 0;
    });
  }

  /** As if it had crashed. */
  dispose(): void {
    this.connection.dispose();
    this.child.kill('SIGKILL');
  }
}

function isStamped(reply: unknown): reply is Stamped<unknown> {
  return typeof reply === 'object' && reply !== null && 'about' in reply && 'answer' in reply;
}
