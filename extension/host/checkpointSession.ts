/**
 * One open checkpoint as the host keeps it: the engine's handle, every result so far, and the jobs that are still to
 * come. It outlives the engine's process and the views that show it. Knows nothing of VS Code.
 */
import { EventEmitter } from 'node:events';
import type { CancellationToken } from 'vscode-jsonrpc';
import { unpackSummary } from '../packedTensors';
import type {
  CheckpointSummary,
  CompressionPreview,
  DeviceInfo,
  EngineNotifications,
  GoodnessOfFit,
  HeatMap,
  InspectSettings,
  LayerParts,
  LayerResult,
  LayerSpectrum,
  LayerVectors,
  PackedSummary,
  Problem,
  RankRequest,
  SaveRequest,
  SaveResult,
  TensorSummary,
  ViewNotifications,
} from '../protocol';
import { problemOf } from '../rpc';
import type { EngineClient, EngineState } from './engineClient';

/** Code of the problem of a layer that the engine died on. */
const DIED = 'engine-died';

/** Codes of problems that are the engine's own, not the checkpoint's. */
const ENGINE_GONE: ReadonlySet<string> = new Set([DIED, 'engine-stopped']);

/** What a session tells its views, results one by one. */
export type SessionNotifications = Omit<ViewNotifications, 'select' | 'results'> & { result: LayerResult };

type SessionEvents = { [K in keyof SessionNotifications]: [SessionNotifications[K]] };
type SessionEvent = keyof SessionEvents;

export class CheckpointSession {
  readonly events = new EventEmitter<SessionEvents>();
  /** By layer name, in order of arrival. */
  readonly results = new Map<string, LayerResult>();
  private opened: Promise<PackedSummary> | undefined;
  private contents: Contents | undefined;
  private handle: string | undefined;
  /** Which version of the files the results are of. */
  private version: string | undefined;
  private changeFound: Problem | undefined;
  private reloading: Promise<CheckpointSummary> | undefined;
  /** Parts of layers that views asked for, by name. */
  private readonly knownParts = new Map<string, { shape: number[]; partOf: string }>();
  /** Jobs asked for whose result has not come. */
  private readonly pending = new Set<string>();
  private active: string[] = [];
  private front: string[] = [];
  private inspected = false;
  /** It was open in some process: a new one opens it again. A file that never opened is left alone. */
  private known = false;
  private disposed = false;
  private readonly disposeListeners: (() => void)[] = [];
  private readonly stopListening: () => void;

  constructor(
    private readonly engine: EngineClient,
    readonly path: string,
    private readonly settings: () => InspectSettings,
    /** Why the engine could not read it, where that is known. */
    private readonly refusal?: Problem,
  ) {
    this.events.setMaxListeners(0);
    this.stopListening = this.listen();
  }

  /** Reads headers on the first call. @throws what the engine's `open` throws; a later call tries anew */
  async summary(): Promise<CheckpointSummary> {
    return (await this.opening()).summary;
  }

  /** The same as it came from the engine, and as views want it. */
  packedSummary(): Promise<PackedSummary> {
    if (this.opened) return this.opened;
    const opening = this.open().catch((error: unknown) => {
      // By now a later process may have been asked.
      if (this.opened === opening) this.opened = undefined;
      throw error;
    });
    this.opened = opening;
    return opening;
  }

  /** Unpacked when first needed: a view is to have its summary before. */
  private async opening(): Promise<Contents> {
    const packed = await this.packedSummary();
    if (this.contents?.packed !== packed) this.contents = contentsOf(packed);
    return this.contents;
  }

  /** Why what is shown are no longer the files on the disk; views that come later must hear it, too. */
  get changed(): Problem | undefined {
    return this.changeFound;
  }

  /** Listens to one kind of event. @returns what ends it */
  on<K extends SessionEvent>(name: K, listener: (params: SessionNotifications[K]) => void): () => void {
    const { events } = this as { events: EventEmitter };
    events.on(name, listener);
    return () => void events.off(name, listener);
  }

  onDispose(listener: () => void): void {
    this.disposeListeners.push(listener);
  }

  /** Queues everything when first asked; a second view, or one that comes back, finds it done or under way. */
  async inspectOnce(): Promise<void> {
    if (this.inspected) return;
    this.inspected = true;
    await this.inspect();
  }

  /** Queues tensors or layers, all of them without `names`. */
  async inspect(names?: readonly string[]): Promise<number> {
    const { summary, jobsOf } = await this.opening();
    const { document, tensors } = summary;
    const jobs = names ? names.flatMap(jobsOf) : tensors.flatMap(jobNames);
    for (const job of jobs) this.pending.add(job);
    const params = { document, settings: this.settings(), ...(names && { names: jobs }) };
    return (await this.engine.request('inspect', params)).queued;
  }

  async prioritise(names: string[]): Promise<void> {
    this.front = names;
    const { document } = await this.packedSummary();
    await this.engine.request('prioritise', { document, names });
  }

  async cancel(names?: string[]): Promise<void> {
    const { document } = await this.packedSummary();
    if (names) for (const job of names.flatMap((await this.opening()).jobsOf)) this.pending.delete(job);
    else this.pending.clear();
    await this.engine.request('cancel', { document, ...(names && { names }) });
  }

  /** What computes, for a report of the results. */
  device(): Promise<DeviceInfo> {
    return this.engine.request('device', null);
  }

  async parts(layer: string): Promise<LayerParts> {
    const { document } = await this.packedSummary();
    const found = await this.engine.request('parts', { document, layer });
    const partOf = this.knownParts.get(layer)?.partOf ?? layer;
    for (const { name, shape } of found.parts) this.knownParts.set(name, { shape, partOf });
    return found;
  }

  async spectrum(layer: string, token?: CancellationToken): Promise<LayerSpectrum> {
    const { document } = await this.packedSummary();
    const spectrum = await this.engine.request('spectrum', { document, layer, settings: this.settings() }, token);
    if (document !== this.handle) return spectrum; // reloaded meanwhile: no result of what is shown now
    const known = this.results.get(spectrum.layer.name);
    // Computed for the layer's view alone: its row in the table wants the numbers, too.
    if (!known || known.problems.some(({ code }) => code === DIED)) this.take(spectrum.layer);
    return spectrum;
  }

  async goodness(layer: string, token?: CancellationToken): Promise<GoodnessOfFit> {
    const { document } = await this.packedSummary();
    return this.engine.request('goodness', { document, layer, settings: this.settings() }, token);
  }

  async vectorMetrics(layer: string, count: number, token?: CancellationToken): Promise<LayerVectors> {
    const { document } = await this.packedSummary();
    return this.engine.request('vectorMetrics', { document, layer, count }, token);
  }

  async heatMap(layer: string, order: number, token?: CancellationToken): Promise<HeatMap> {
    const { document } = await this.packedSummary();
    return this.engine.request('heatMap', { document, layer, order }, token);
  }

  async preview(
    layer: string,
    method: string,
    rank: RankRequest,
    token?: CancellationToken,
  ): Promise<CompressionPreview> {
    const { document } = await this.packedSummary();
    const params = { document, layer, method, rank, settings: this.settings() };
    return this.engine.request('previewCompression', params, token);
  }

  async save(request: SaveRequest, token?: CancellationToken): Promise<SaveResult> {
    const { document } = await this.packedSummary();
    return this.engine.request('saveCompressed', { document, request, settings: this.settings() }, token);
  }

  /** Opens the file anew and forgets what was known of it. Views that ask at the same time share one reload. */
  reload(): Promise<CheckpointSummary> {
    this.reloading ??= this.openAnew().finally(() => (this.reloading = undefined));
    return this.reloading;
  }

  private async openAnew(): Promise<CheckpointSummary> {
    if (this.engine.stoppedReason !== undefined) {
      // Who asks to try again asks for the engine, too; every open document resumes with it.
      await this.engine.restart();
      return this.summary();
    }
    // What is being opened just now would come after what is opened next.
    await this.opened?.catch(() => undefined);
    const former = this.handle;
    this.handle = undefined;
    this.opened = undefined;
    this.known = false;
    this.version = undefined;
    this.changeFound = undefined;
    this.results.clear();
    this.knownParts.clear();
    this.pending.clear();
    this.active = [];
    this.inspected = false;
    if (former !== undefined) await this.engine.request('close', { document: former });
    return this.summary();
  }

  /** Cancels its jobs and closes its files. */
  async dispose(): Promise<void> {
    this.disposed = true;
    this.stopListening();
    this.events.removeAllListeners();
    for (const listener of this.disposeListeners) listener();
    await this.opened?.catch(() => undefined); // it could not be opened: nothing to close
    if (this.handle !== undefined && this.engine.pid !== undefined) {
      await this.engine.request('close', { document: this.handle });
    }
  }

  private async open(): Promise<PackedSummary> {
    if (this.refusal) throw new SessionError(this.refusal);
    const packed = await this.engine.request('open', { path: this.path });
    const { document, version } = packed;
    if (this.version !== undefined && version !== this.version) {
      // The engine was away and found other files: the results are not theirs.
      await this.engine.request('close', { document });
      const message = `${this.path}: changed on disk while it was open; reload it`;
      throw new SessionError({ code: 'changed', message, file: this.path });
    }
    this.handle = document;
    this.version = version;
    this.known = true;
    return packed;
  }

  private listen(): () => void {
    const { events } = this.engine;
    const ours =
      <T extends { document: string }>(act: (params: T) => void) =>
      (params: T) => {
        if (params.document === this.handle) act(params);
      };
    const result = ours(({ result: layer }: EngineNotifications['result']) => this.take(layer));
    const progress = ours(({ name, stage, fraction }: EngineNotifications['progress']) =>
      this.events.emit('progress', { name, stage, fraction }),
    );
    const queue = ours(({ done, total, active }: EngineNotifications['queue']) => {
      this.active = active;
      this.events.emit('queue', { done, total, active });
    });
    const saving = ours(({ fraction, message }: EngineNotifications['saving']) =>
      this.events.emit('saving', { fraction, message }),
    );
    const testing = ours(({ layer, fraction }: EngineNotifications['testing']) =>
      this.events.emit('testing', { layer, fraction }),
    );
    const changed = ours(({ problem }: EngineNotifications['changed']) => this.filesChanged(problem));
    const state = (change: EngineState): void => this.engineChanged(change);
    events.on('result', result).on('progress', progress).on('queue', queue);
    events.on('saving', saving).on('testing', testing).on('changed', changed).on('state', state);
    return () => {
      events.off('result', result).off('progress', progress).off('queue', queue);
      events.off('saving', saving).off('testing', testing).off('changed', changed).off('state', state);
    };
  }

  private take(result: LayerResult): void {
    this.pending.delete(result.name);
    this.results.set(result.name, result);
    this.events.emit('result', result);
  }

  private filesChanged(problem: Problem): void {
    this.changeFound = problem;
    this.pending.clear();
    this.events.emit('changed', problem);
  }

  private engineChanged(change: EngineState): void {
    if (change.state === 'running') {
      // A view must not hear that all is well before its document is open again.
      if (change.restarted && (this.known || this.opened)) void this.resume();
      return;
    }
    // The next process hands out the same handles again, to whoever opens first.
    this.handle = undefined;
    this.opened = undefined;
    const failed = change.died ? this.active.filter((name) => this.pending.has(name)) : [];
    this.active = [];
    for (const name of failed) this.markFailed(name, change.message);
    this.events.emit('engine', { state: change.state, message: change.message, failed });
  }

  private markFailed(name: string, message: string): void {
    const part = this.knownParts.get(name);
    const layer = part?.partOf ?? name;
    const tensor = this.contents?.summary.tensors.find((candidate) => jobNames(candidate).includes(layer));
    if (!tensor) return;
    const { encoding } = tensor;
    const problem = { code: DIED, message: `${message} It was at this layer: inspect it again.`, tensor: tensor.name };
    this.take({
      ...{ name, tensor: tensor.name, shape: tensor.shape, dtype: tensor.dtype, matrices: 0, ...part },
      ...(encoding !== undefined && { encoding }),
      ...{ metrics: {}, fits: {}, farms: null, ranks: {}, statistics: null, problems: [problem] },
    });
  }

  /** In a new engine process: opens again, and queues again what has no result yet. */
  private async resume(): Promise<void> {
    try {
      await this.packedSummary();
      if (this.disposed) return;
      const remaining = [...this.pending];
      if (remaining.length > 0) await this.inspect(remaining);
      if (this.front.length > 0) await this.prioritise(this.front);
      this.events.emit('engine', { state: 'running', message: '', failed: [] });
    } catch (error) {
      const problem: Problem = problemOf(error);
      // An engine that died once more says so itself, and the next one resumes.
      if (ENGINE_GONE.has(problem.code)) return;
      this.filesChanged(problem);
      this.events.emit('engine', { state: 'running', message: '', failed: [] });
    }
  }
}

/** What the session itself, and not the engine, finds wrong with a checkpoint. */
class SessionError extends Error {
  override readonly name = 'SessionError';
  constructor(private readonly problem: Problem) {
    super(problem.message);
  }

  toProblem(): Problem {
    return this.problem;
  }
}

interface Contents {
  packed: PackedSummary;
  summary: CheckpointSummary;
  /** A tensor's name stands for its layers. */
  jobsOf: (name: string) => string[];
}

function contentsOf(packed: PackedSummary): Contents {
  const summary = unpackSummary(packed);
  const several = summary.tensors.filter(({ layers }) => layers.length > 1);
  const layers = new Map(several.map((tensor) => [tensor.name, tensor.layers]));
  return { packed, summary, jobsOf: (name) => layers.get(name) ?? [name] };
}

/** The engine's jobs of a tensor: its layers, or the tensor itself where it has none. */
function jobNames(tensor: TensorSummary): string[] {
  return tensor.layers.length > 0 ? tensor.layers : [tensor.name];
}
