/**
 * A checkpoint that other extensions and assistants ask about: one session, however many ask. It knows numbers from its
 * own computing, from an open tab and from the engine's cache. Knows nothing of VS Code.
 */
import type { CancellationToken } from 'vscode-jsonrpc';
import type { LayerResult, LayerSpectrum } from '../../shared/layers';
import { didYouMean } from '../../shared/names/nearestNames';
import { problemOf } from '../../shared/rpc';
import type { CheckpointSummary, TensorSummary } from '../../shared/tensors';
import { DIED, SessionError } from '../editor/checkpointInEngine';
import type { CheckpointSession } from '../editor/checkpointSession';
import { jobNames } from '../editor/sessionContents';
import { inspectSettings } from '../settings';
import { CancelledError } from './cancelledError';

/** Layers that the cache is asked about at the same time. */
const PEEKS_AT_ONCE = 16;

interface Waiter {
  left: Set<string>;
  take(name: string): void;
  fail(error: unknown): void;
}

export class SharedCheckpoint {
  private readonly waiters = new Set<Waiter>();
  private byLayer: { of: CheckpointSummary; tensors: Map<string, TensorSummary> } | undefined;

  /** @param ofTab the session of an open tab, which may have more numbers */
  constructor(
    readonly session: CheckpointSession,
    private readonly ofTab: () => CheckpointSession | undefined,
  ) {
    session.on('result', ({ name }) => {
      for (const waiter of this.waiters) waiter.take(name);
    });
    session.on('changed', (problem) => this.failAll(new SessionError(problem)));
    session.on('engine', ({ state, message }) => {
      if (state === 'stopped') this.failAll(new Error(message));
    });
  }

  get path(): string {
    return this.session.path;
  }

  /** @throws what the engine's `open` throws; SessionError if the files changed since */
  async summary(): Promise<CheckpointSummary> {
    if (this.session.changed) throw new SessionError(this.session.changed);
    return this.session.summary();
  }

  /** Names of all layers, in the file's order. */
  async layerNames(): Promise<string[]> {
    return (await this.summary()).tensors.flatMap(jobNames);
  }

  /** The tensor of a layer. @throws Error that names the nearest layers if there is none of that name */
  async tensorOf(layer: string): Promise<TensorSummary> {
    const summary = await this.summary();
    if (this.byLayer?.of !== summary) {
      const pairs = summary.tensors.flatMap((tensor) => jobNames(tensor).map((name) => [name, tensor] as const));
      this.byLayer = { of: summary, tensors: new Map(pairs) };
    }
    const { tensors } = this.byLayer;
    const found = tensors.get(layer);
    if (found) return found;
    const hint = didYouMean(layer, tensors.keys()) || '.';
    throw new SessionError({
      code: 'no-such-layer',
      message: `${this.path} has no layer "${layer}"${hint}`,
      file: this.path,
    });
  }

  /** A layer's numbers if they are known; asks the engine's cache, and computes nothing. */
  async known(layer: string): Promise<LayerResult | undefined> {
    await this.tensorOf(layer);
    const here = this.inMemory(layer);
    if (here) return here;
    const { version } = await this.summary();
    const asked = { path: this.path, layer, settings: inspectSettings() };
    const reply = await this.session.engine.request('peek', asked);
    // Numbers of a newer version of the files are not those of what is open.
    return reply?.about.version === version ? reply.answer.layer : undefined;
  }

  /** The same for many, in their order. */
  async knownOf(layers: readonly string[], token?: CancellationToken): Promise<(LayerResult | undefined)[]> {
    const found: (LayerResult | undefined)[] = [];
    for (let first = 0; first < layers.length; first += PEEKS_AT_ONCE) {
      if (token?.isCancellationRequested) throw new CancelledError();
      const some = layers.slice(first, first + PEEKS_AT_ONCE);
      for (const each of await Promise.all(some.map((layer) => this.known(layer)))) found.push(each);
    }
    return found;
  }

  /**
   * Computes what is missing of these layers.
   *
   * @returns their numbers, in order
   * @throws CancelledError; SessionError if the files change meanwhile
   */
  async compute(
    layers: readonly string[],
    { token, onProgress }: { token?: CancellationToken | undefined; onProgress?: (done: number) => void } = {},
  ): Promise<LayerResult[]> {
    const known = await this.knownOf(layers, token);
    const results = new Map(layers.flatMap((layer, at) => (known[at] ? [[layer, known[at]] as const] : [])));
    const missing = layers.filter((layer) => !results.has(layer));
    onProgress?.(layers.length - missing.length);
    if (missing.length > 0) {
      await this.untilComputed(missing, token, (left) => onProgress?.(layers.length - left));
    }
    return layers.map((layer) => {
      const result = results.get(layer) ?? this.session.results.get(layer);
      if (!result) throw new Error(`${this.path}: the numbers of ${layer} were dropped while others were computed.`);
      return result;
    });
  }

  /** Eigenvalues of a layer; computes what is not cached. */
  spectrum(layer: string, token?: CancellationToken): Promise<LayerSpectrum> {
    return this.session.spectrum(layer, token);
  }

  /** Opens the files anew, and forgets numbers. @param why for those who wait for some: a sentence */
  async reload(why: string): Promise<void> {
    this.failAll(new Error(why));
    await this.session.reload(false);
  }

  async dispose(): Promise<void> {
    this.failAll(new Error(`${this.path} was closed before its numbers came.`));
    await this.session.dispose();
  }

  private inMemory(layer: string): LayerResult | undefined {
    const tab = this.ofTab();
    const sessions = tab && !tab.changed ? [this.session, tab] : [this.session];
    const found = sessions.map(({ results }) => results.get(layer));
    // A layer that the engine died on is not known.
    return found.find((result) => result && !result.problems.some(({ code }) => code === DIED));
  }

  private async untilComputed(
    missing: readonly string[],
    token: CancellationToken | undefined,
    onLeft: (left: number) => void,
  ): Promise<void> {
    if (token?.isCancellationRequested) throw new CancelledError();
    const waiter: Waiter = { left: new Set(missing), take: () => undefined, fail: () => undefined };
    const computed = new Promise<void>((resolve, reject) => {
      waiter.fail = reject;
      waiter.take = (name) => {
        if (!waiter.left.delete(name)) return;
        try {
          onLeft(waiter.left.size);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error))); // the caller's own
        }
        if (waiter.left.size === 0) resolve();
      };
    });
    this.waiters.add(waiter);
    const cancelling = token?.onCancellationRequested(() => waiter.fail(new CancelledError()));
    try {
      // What fails before the jobs are queued fails here; `computed` then has nobody else who would hear of it.
      await Promise.all([this.session.inspect(missing), computed]);
    } catch (error) {
      this.waiters.delete(waiter);
      await this.cancelUnwanted(waiter.left);
      throw error;
    } finally {
      this.waiters.delete(waiter);
      cancelling?.dispose();
    }
  }

  /** Cancels the jobs of layers that nobody else waits for. */
  private async cancelUnwanted(layers: ReadonlySet<string>): Promise<void> {
    const wanted = new Set([...this.waiters].flatMap(({ left }) => [...left]));
    const unwanted = [...layers].filter((layer) => !wanted.has(layer));
    if (unwanted.length === 0 || this.session.changed || this.session.engine.stoppedReason !== undefined) return;
    await this.session.cancel(unwanted).catch((error: unknown) => {
      const message = `cancelling jobs of ${this.path}: ${problemOf(error).message}`;
      this.session.engine.events.emit('log', { level: 'warn', message });
    });
  }

  private failAll(error: Error): void {
    for (const waiter of [...this.waiters]) waiter.fail(error);
  }
}
