/**
 * One open checkpoint as the host keeps it: the engine's handle, every result so far, and the jobs that are still to
 * come. It outlives the engine's process and the views that show it. Knows nothing of VS Code.
 */
import { EventEmitter } from 'node:events';
import type { CancellationToken } from 'vscode-jsonrpc';
import type { CompressionPreview, RankRequest, SaveRequest, SaveResult } from '../../shared/compressions';
import type { DeviceInfo } from '../../shared/devices';
import { withoutNumbers } from '../../shared/layerFindings';
import type {
  GoodnessOfFit,
  HeatMap,
  InspectSettings,
  LayerResult,
  LayerSpectrum,
  LayerVectors,
} from '../../shared/layers';
import { unpackSummary } from '../../shared/packedTensors';
import type {
  DocumentRequests,
  DocumentStamp,
  EngineNotifications,
  EngineRequests,
  Stamped,
  ViewNotifications,
} from '../../protocol';
import { problemOf } from '../../shared/rpc';
import type { CheckpointSummary, LayerParts, PackedSummary, Problem, TensorSummary } from '../../shared/tensors';
import { EngineDiedError, type EngineClient, type EngineState } from '../engineClient';
import { stampOf, type Quarantine } from '../quarantine';

/** Code of the problem of a layer that the engine died on. */
const DIED = 'engine-died';

/** Codes of problems that are the engine's own, not the checkpoint's. */
const ENGINE_GONE: ReadonlySet<string> = new Set([DIED, 'engine-stopped']);

/** A process that dies while it opens a file may die of another one: the second time, it has this one alone. */
const OPEN_ATTEMPTS = 2;

/** Code of the problem of a checkpoint that is left alone because processes died of it. */
const QUARANTINED = 'quarantined';

/** An open checkpoint, as one process of the engine has it. */
type Opened = Stamped<PackedSummary>;

/** What a view begins with: all of the same version of the files. */
export interface SessionContents {
  summary: PackedSummary;
  results: LayerResult[];
  changed?: Problem;
}

/** What a session tells its views, results one by one. */
export type SessionNotifications = Omit<ViewNotifications, 'select' | 'results'> & { result: LayerResult };

type SessionEvents = { [K in keyof SessionNotifications]: [SessionNotifications[K]] };
type SessionEvent = keyof SessionEvents;

export class CheckpointSession {
  readonly events = new EventEmitter<SessionEvents>();
  /** By layer name, in order of arrival. */
  readonly results = new Map<string, LayerResult>();
  /** The opening that counts; a later one takes its place. */
  private opened: Promise<Opened> | undefined;
  private contents: Contents | undefined;
  /** Whose the engine's messages must be; undefined while it is not open there. */
  private stamp: DocumentStamp | undefined;
  /**
   * Which version of the files the results are of. Set once it was open in some process: a new one opens it again. A file
   * that never opened is left alone.
   */
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
  private disposed = false;
  /** Processes that died while they opened it, since it was open last. */
  private diedOpening = 0;
  /** A process is opening it. */
  private asking = false;
  /** A person wants it opened whatever died of it. */
  private insisted = false;
  private readonly disposeListeners: (() => void)[] = [];
  private readonly stopListening: () => void;

  constructor(
    private readonly engine: EngineClient,
    readonly path: string,
    private readonly settings: () => InspectSettings,
    /** Why the engine could not read it, where that is known. */
    private readonly refusal?: Problem,
    /** Files that processes died of, in this window or a former one. */
    private readonly quarantine?: Pick<Quarantine, 'holds' | 'add' | 'remove'>,
  ) {
    this.events.setMaxListeners(0);
    this.stopListening = this.listen();
  }

  /** Reads headers on the first call. @throws what the engine's `open` throws; a later call tries anew */
  async summary(): Promise<CheckpointSummary> {
    return (await this.unpacked()).summary;
  }

  /** Unpacked when first needed: a view is to have its summary before. */
  private async unpacked(): Promise<Contents> {
    const { answer } = await this.current();
    if (this.contents?.packed !== answer) this.contents = contentsOf(answer);
    return this.contents;
  }

  /** The same as it came from the engine, with the results so far. @throws what the engine's `open` throws */
  async contentsNow(): Promise<SessionContents> {
    const { answer: summary } = await this.current();
    const { changed } = this;
    return { summary, results: [...this.results.values()], ...(changed && { changed }) };
  }

  /** The opening that still counts once it is there. @throws what the engine's `open` throws; SessionError */
  private async current(): Promise<Opened> {
    for (;;) {
      const opening = this.opening();
      const opened = await opening;
      if (this.opened === opening) return opened;
    }
  }

  private opening(): Promise<Opened> {
    if (this.opened) return this.opened;
    const opening: Promise<Opened> = this.open().then(
      (opened) => {
        if (this.opened === opening) this.accept(opened);
        else void this.close(opened.about);
        return opened;
      },
      (error: unknown) => {
        if (this.opened === opening) this.opened = undefined;
        // Whoever waits is answered by the next process, unless this file is what the former ones died of.
        if (!(error instanceof EngineDiedError) || this.disposed) throw error;
        return this.opening();
      },
    );
    this.opened = opening;
    return opening;
  }

  private async open(): Promise<Opened> {
    if (this.refusal) throw new SessionError(this.refusal);
    const file = await stampOf(this.path);
    if (this.diedOpening >= OPEN_ATTEMPTS) await this.quarantine?.add(this.path, file);
    if (this.diedOpening >= OPEN_ATTEMPTS || (!this.insisted && (await this.quarantine?.holds(this.path)))) {
      const message = `${this.path}: the engine died ${OPEN_ATTEMPTS} times while it opened this; it is left alone until it changes, or until you try again`;
      throw new SessionError({ code: QUARANTINED, message, file: this.path });
    }
    const ask = async (): Promise<Opened> => {
      this.asking = true;
      try {
        return await this.engine.request('open', { path: this.path });
      } finally {
        this.asking = false;
      }
    };
    const opened = await (this.diedOpening === 0 ? ask() : this.engine.oneByOne(ask));
    const { about } = opened;
    if (about.path !== this.path) {
      void this.close(about);
      throw this.refused(about);
    }
    if (this.version !== undefined && about.version !== this.version) {
      // The engine was away and found other files: the results are not theirs.
      void this.close(about);
      const message = `${this.path}: changed on disk while it was open; reload it`;
      throw new SessionError({ code: 'changed', message, file: this.path });
    }
    return opened;
  }

  private accept({ about }: Opened): void {
    this.stamp = about;
    this.version = about.version;
    this.diedOpening = 0;
    if (this.insisted) void this.quarantine?.remove(this.path);
    this.insisted = false;
  }

  /** Gives up a document that nobody here uses any more. */
  private async close({ document }: DocumentStamp): Promise<void> {
    // A process that is gone has nothing open, and one that stays off is not to be started for it.
    if (this.engine.pid === undefined) return;
    try {
      await this.engine.request('close', { document });
    } catch (error) {
      if (!ENGINE_GONE.has(problemOf(error).code)) this.engine.events.emit('log', closingFailed(this.path, error));
    }
  }

  /**
   * Asks about this checkpoint as it is open now.
   *
   * @throws what the engine throws; SessionError where the answer is about another checkpoint
   */
  private async ask<K extends keyof DocumentRequests>(
    method: K,
    params: Omit<DocumentRequests[K]['params'], 'document'>,
    token?: CancellationToken,
  ): Promise<Stamped<DocumentRequests[K]['result']>> {
    const { about } = await this.current();
    const all = { ...params, document: about.document } as unknown as EngineRequests[K]['params'];
    const reply = (await this.engine.request(method, all, token)) as Stamped<DocumentRequests[K]['result']>;
    if (!sameStamp(reply.about, about)) throw this.refused(reply.about);
    return reply;
  }

  /** The same for numbers that are shown: those of a former version must not stand under this one. */
  private async askNumbers<K extends keyof DocumentRequests>(
    method: K,
    params: Omit<DocumentRequests[K]['params'], 'document'>,
    token?: CancellationToken,
  ): Promise<DocumentRequests[K]['result']> {
    const { about, answer } = await this.ask(method, params, token);
    if (this.stamp && sameStamp(this.stamp, about)) return answer;
    const message = `${this.path}: was opened anew meanwhile; this answer was about what it was before`;
    throw new SessionError({ code: 'reloaded', message, file: this.path });
  }

  /** Nothing of a message about another checkpoint is taken: every view says so. */
  private refused({ path }: DocumentStamp): SessionError {
    const message = `${this.path}: the engine answered about ${path}; nothing of it is shown. Reload this checkpoint.`;
    const error = new SessionError({ code: 'wrong-checkpoint', message, file: this.path });
    this.filesChanged(error.toProblem());
    return error;
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
    try {
      await this.inspect();
    } catch (error) {
      this.inspected = false; // nothing is on its way: whoever comes next asks again
      throw error;
    }
  }

  /** Queues tensors or layers, all of them without `names`. */
  async inspect(names?: readonly string[]): Promise<number> {
    const { summary, jobsOf } = await this.unpacked();
    const jobs = names ? names.flatMap(jobsOf) : summary.tensors.flatMap(jobNames);
    for (const job of jobs) this.pending.add(job);
    const { answer } = await this.ask('inspect', { settings: this.settings(), ...(names && { names: jobs }) });
    return answer.queued;
  }

  async prioritise(names: string[]): Promise<void> {
    this.front = names;
    await this.ask('prioritise', { names });
  }

  async cancel(names?: string[]): Promise<void> {
    if (names) {
      const { jobsOf } = await this.unpacked();
      for (const job of names.flatMap(jobsOf)) this.pending.delete(job);
    } else this.pending.clear();
    await this.ask('cancel', names ? { names } : {});
  }

  /** What computes, for a report of the results. */
  device(): Promise<DeviceInfo> {
    return this.engine.request('device', null);
  }

  async parts(layer: string): Promise<LayerParts> {
    const found = await this.askNumbers('parts', { layer });
    const partOf = this.knownParts.get(layer)?.partOf ?? layer;
    for (const { name, shape } of found.parts) this.knownParts.set(name, { shape, partOf });
    return found;
  }

  async spectrum(layer: string, token?: CancellationToken): Promise<LayerSpectrum> {
    const spectrum = await this.askNumbers('spectrum', { layer, settings: this.settings() }, token);
    const known = this.results.get(spectrum.layer.name);
    // The engine's own result knows of no test that was asked for later.
    if (known?.goodness) spectrum.layer.goodness = known.goodness;
    // Computed for the layer's view alone: its row in the table wants the numbers, too.
    if (!known || known.problems.some(({ code }) => code === DIED)) this.take(spectrum.layer);
    return spectrum;
  }

  async goodness(layer: string, token?: CancellationToken): Promise<GoodnessOfFit> {
    const goodness = await this.askNumbers('goodness', { layer, settings: this.settings() }, token);
    const known = this.results.get(layer);
    // It takes part in the verdict, which is the same in the table and in exports.
    if (known) this.take({ ...known, goodness });
    return goodness;
  }

  vectorMetrics(layer: string, count: number, token?: CancellationToken): Promise<LayerVectors> {
    return this.askNumbers('vectorMetrics', { layer, count }, token);
  }

  heatMap(layer: string, order: number, token?: CancellationToken): Promise<HeatMap> {
    return this.askNumbers('heatMap', { layer, order }, token);
  }

  preview(layer: string, method: string, rank: RankRequest, token?: CancellationToken): Promise<CompressionPreview> {
    return this.askNumbers('previewCompression', { layer, method, rank, settings: this.settings() }, token);
  }

  /**
   * Saves what is open now.
   *
   * @param version of the files that the person decided about, where that was before
   * @throws SessionError where it was reloaded in another version since
   */
  async save(request: SaveRequest, token?: CancellationToken, version?: string): Promise<SaveResult> {
    const { about } = await this.current();
    if (version !== undefined && version !== about.version) {
      const message = `${this.path}: changed and was opened anew meanwhile; look at it once more before you save`;
      throw new SessionError({ code: 'reloaded', message, file: this.path });
    }
    return (await this.ask('saveCompressed', { request, settings: this.settings() }, token)).answer;
  }

  /**
   * Opens the file anew and forgets what was known of it. Views that ask at the same time share one reload.
   *
   * @param insist a person wants it, even if processes died of it
   */
  reload(insist = true): Promise<CheckpointSummary> {
    this.reloading ??= this.openAnew(insist).finally(() => (this.reloading = undefined));
    return this.reloading;
  }

  private async openAnew(insist: boolean): Promise<CheckpointSummary> {
    this.insisted ||= insist;
    if (insist) this.diedOpening = 0;
    if (this.engine.stoppedReason !== undefined) {
      // Who asks to try again asks for the engine, too; every open document resumes with it.
      await this.engine.restart();
      return this.summary();
    }
    // What is being opened just now would come after what is opened next.
    await this.opened?.catch(() => undefined);
    const former = this.stamp;
    this.stamp = undefined;
    this.opened = undefined;
    this.version = undefined;
    this.changeFound = undefined;
    this.results.clear();
    this.knownParts.clear();
    this.pending.clear();
    this.active = [];
    this.inspected = false;
    if (former) await this.close(former);
    return this.summary();
  }

  /** Cancels its jobs and closes its files. */
  async dispose(): Promise<void> {
    this.disposed = true;
    this.stopListening();
    this.events.removeAllListeners();
    for (const listener of this.disposeListeners) listener();
    await this.opened?.catch(() => undefined); // it could not be opened: nothing to close
    if (this.stamp) await this.close(this.stamp);
  }

  private listen(): () => void {
    const { events } = this.engine;
    const ours =
      <T extends DocumentStamp>(act: (params: T) => void) =>
      (params: T) => {
        if (params.document !== this.stamp?.document) return;
        if (sameStamp(params, this.stamp)) act(params);
        else this.refused(params);
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
      if (change.restarted && (this.version !== undefined || this.opened)) void this.resume();
      return;
    }
    if (change.died && this.asking) this.diedOpening += 1;
    // What that process had open is open no more.
    this.stamp = undefined;
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
    const problem = {
      code: DIED,
      message: `The engine ended at this layer: inspect it again. (${message})`,
      tensor: tensor.name,
    };
    this.take({ ...withoutNumbers(name, tensor, problem), ...part });
  }

  /** In a new engine process: opens again, and queues again what has no result yet. */
  private async resume(): Promise<void> {
    try {
      await this.current();
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

function sameStamp(a: DocumentStamp, b: DocumentStamp): boolean {
  return a.document === b.document && a.path === b.path && a.version === b.version;
}

function closingFailed(path: string, error: unknown): EngineNotifications['log'] {
  return { level: 'warn', message: `closing ${path}: ${problemOf(error).message}` };
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
