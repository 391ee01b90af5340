/**
 * One open checkpoint as the host keeps it: the engine's handle, every result so far, and the jobs that are still to
 * come. It outlives the engine's process and the views that show it. Knows nothing of VS Code.
 */
import { EventEmitter } from 'node:events';
import type { CancellationToken } from 'vscode-jsonrpc';
import type { CompressionPreview, RankRequest, SaveRequest, SaveResult } from '../../shared/compressions';
import type { InspectDepth, QuickLook } from '../../shared/estimates';
import { withoutNumbers } from '../../shared/layerFindings';
import type { GoodnessOfFit, InspectSettings, LayerResult, LayerSpectrum } from '../../shared/layers';
import type { DocumentStamp, EngineNotifications, ViewNotifications } from '../../protocol';
import { l10n } from '../../shared/language/l10n';
import { problemOf } from '../../shared/rpc';
import type { CheckpointSummary, LayerParts, PackedSummary, Problem } from '../../shared/tensors';
import type { EngineClient, EngineEvents, EngineChange } from '../engineClient';
import { CheckpointInEngine, DIED, ENGINE_GONE, SessionError, type OpeningOptions } from './checkpointInEngine';
import { OwnNumbersList } from './ownNumbersList';
import { ModelSavingRun } from './modelSavingRun';
import { SessionExports } from './sessionExports';
import { TextRunning } from './textRunning';
import { contentsOf, jobNames, type Contents } from './sessionContents';

/** What a view begins with: all of the same version of the files. */
export interface SessionContents {
  summary: PackedSummary;
  results: LayerResult[];
  /** Quick looks at layers without a result. */
  quick: QuickLook[];
  changed?: Problem;
}

/** How saving one layer ended. */
export type SavedLayerNews = { request: SaveRequest; seconds: number } & (
  { result: SaveResult; problem?: never } | { result?: never; problem: Problem }
);

/** What a session tells its views, results one by one. */
export type SessionNotifications = Omit<ViewNotifications, 'select' | 'results' | 'quick'> & {
  running: Pick<EngineNotifications['running'], 'fraction' | 'message' | 'secondsLeft'>;
  result: LayerResult;
  quick: QuickLook;
  /** Opened anew: results so far are gone. */
  reloaded: null;
  saved: SavedLayerNews;
};

type SessionEvents = { [K in keyof SessionNotifications]: [SessionNotifications[K]] };
type SessionEvent = keyof SessionEvents;

/** Layers of those looked at that go into a report. */
const MOST_LOOKED = 24;

export class CheckpointSession {
  readonly events = new EventEmitter<SessionEvents>();
  /** By layer name, in order of arrival. */
  readonly results = new Map<string, LayerResult>();
  /** By layer name, of layers without a result. */
  private readonly looks = new Map<string, QuickLook>();
  /** How far the model was asked for. */
  private depth: InspectDepth = 'exact';
  private contents: Contents | undefined;
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
  private readonly disposeListeners: (() => void)[] = [];
  private readonly stopListening: () => void;

  /** It, as the engine has it open: for questions whose answers nobody keeps. */
  readonly inEngine: CheckpointInEngine;

  /** The layer that a person looks at, in the view that told of one last. */
  private shown: string | null = null;

  /** Layers that a person looked at, the last one first. */
  private looked: readonly string[] = [];

  readonly exports = new SessionExports(this);

  /** Files of a person's own numbers. */
  readonly own: OwnNumbersList;

  /** The saving of the whole model, compressed. */
  readonly modelSaving = new ModelSavingRun(this, (state) => this.events.emit('modelSaving', state));

  /** The model on a text. */
  readonly textRun = new TextRunning(this, (state) => this.events.emit('textRun', state));

  /**
   * @param refusal why the engine could not read it, where that is known
   * @param quarantine files that processes died of, in this window or a former one
   */
  constructor(
    readonly engine: EngineClient,
    readonly path: string,
    private readonly settings: () => InspectSettings,
    refusal?: Problem,
    quarantine?: OpeningOptions['quarantine'],
  ) {
    this.events.setMaxListeners(0);
    const onForeign = (problem: Problem): void => this.filesChanged(problem);
    this.inEngine = new CheckpointInEngine(engine, path, { refusal, quarantine, onForeign });
    this.own = new OwnNumbersList(this.inEngine, path, (kept) => this.events.emit('ownNumbers', kept));
    this.stopListening = this.listen();
  }

  /** Reads headers on the first call. @throws what the engine's `open` throws; a later call tries anew */
  async summary(): Promise<CheckpointSummary> {
    return (await this.unpacked()).summary;
  }

  /** Unpacked when first needed: a view is to have its summary before. */
  private async unpacked(): Promise<Contents> {
    const { answer } = await this.inEngine.current();
    if (this.contents?.packed !== answer) this.contents = contentsOf(answer);
    return this.contents;
  }

  /** The same as it came from the engine, with the results so far. @throws what the engine's `open` throws */
  async contentsNow(): Promise<SessionContents> {
    const { answer: summary } = await this.inEngine.current();
    const { changed } = this;
    const known = { results: [...this.results.values()], quick: [...this.looks.values()] };
    return { summary, ...known, ...(changed && { changed }) };
  }

  /** Why what is shown are no longer the files on the disk; views that come later must hear it, too. */
  get changed(): Problem | undefined {
    return this.changeFound;
  }

  get shownLayer(): string | null {
    return this.shown;
  }

  get shownLayers(): readonly string[] {
    return this.looked;
  }

  /** A person looks at this layer, or at none. */
  shows(layer: string | null): void {
    this.shown = layer;
    if (layer !== null) this.looked = [layer, ...this.looked.filter((each) => each !== layer)].slice(0, MOST_LOOKED);
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
  async inspectOnce(exactUpTo = Infinity): Promise<void> {
    if (this.inspected) return;
    this.inspected = true;
    try {
      const { parameters } = await this.summary();
      await this.inspect(undefined, parameters > exactUpTo ? 'quick' : 'exact');
    } catch (error) {
      this.inspected = false; // nothing is on its way: whoever comes next asks again
      throw error;
    }
  }

  /** Queues tensors or layers, all of them without `names`. With depth `quick`, long spectra wait to be asked for. */
  async inspect(names?: readonly string[], depth: InspectDepth = 'exact'): Promise<number> {
    if (!names) this.depth = depth;
    const { summary, jobsOf } = await this.unpacked();
    const jobs = names ? names.flatMap(jobsOf) : summary.tensors.flatMap(jobNames);
    for (const job of jobs) this.pending.add(job);
    const { answer } = await this.inEngine.ask('inspect', {
      settings: this.settings(),
      depth,
      ...(names && { names: jobs }),
    });
    return answer.queued;
  }

  async prioritise(names: string[]): Promise<void> {
    this.front = names;
    await this.inEngine.ask('prioritise', { names });
  }

  async cancel(names?: string[]): Promise<void> {
    if (names) {
      const { jobsOf } = await this.unpacked();
      for (const job of names.flatMap(jobsOf)) this.pending.delete(job);
    } else this.pending.clear();
    await this.inEngine.ask('cancel', names ? { names } : {});
  }

  async parts(layer: string): Promise<LayerParts> {
    const found = await this.inEngine.askNumbers('parts', { layer });
    const partOf = this.knownParts.get(layer)?.partOf ?? layer;
    for (const { name, shape } of found.parts) this.knownParts.set(name, { shape, partOf });
    return found;
  }

  async spectrum(layer: string, token?: CancellationToken): Promise<LayerSpectrum> {
    const spectrum = await this.inEngine.askNumbers('spectrum', { layer, settings: this.settings() }, token);
    const known = this.results.get(spectrum.layer.name);
    // The engine's own result knows of no test that was asked for later.
    if (known?.goodness) spectrum.layer.goodness = known.goodness;
    // Computed for the layer's view alone: its row in the table wants the numbers, too.
    if (!known || known.problems.some(({ code }) => code === DIED)) this.take(spectrum.layer);
    return spectrum;
  }

  async goodness(layer: string, token?: CancellationToken): Promise<GoodnessOfFit> {
    const goodness = await this.inEngine.askNumbers('goodness', { layer, settings: this.settings() }, token);
    const known = this.results.get(layer);
    // It takes part in the verdict, which is the same in the table and in exports.
    if (known) this.take({ ...known, goodness });
    return goodness;
  }

  preview(layer: string, method: string, rank: RankRequest, token?: CancellationToken): Promise<CompressionPreview> {
    return this.inEngine.askNumbers('previewCompression', { layer, method, rank, settings: this.settings() }, token);
  }

  /**
   * Saves what is open now.
   *
   * @param version of the files that the person decided about, where that was before
   * @throws SessionError where it was reloaded in another version since
   */
  async save(request: SaveRequest, token?: CancellationToken, version?: string): Promise<SaveResult> {
    const { about } = await this.inEngine.current();
    if (version !== undefined && version !== about.version) {
      const message = l10n.t(
        '{0}: changed and was opened anew meanwhile; look at it once more before you save',
        this.path,
      );
      throw new SessionError({ code: 'reloaded', message, file: this.path });
    }
    const begun = performance.now();
    const seconds = (): number => (performance.now() - begun) / 1000;
    try {
      const { answer } = await this.inEngine.ask('saveCompressed', { request, settings: this.settings() }, token);
      this.events.emit('saved', { request, seconds: seconds(), result: answer });
      return answer;
    } catch (error) {
      this.events.emit('saved', { request, seconds: seconds(), problem: problemOf(error) });
      throw error;
    }
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
    if (insist) this.inEngine.insist();
    if (this.engine.stoppedReason !== undefined) {
      // Who asks to try again asks for the engine, too; every open document resumes with it.
      await this.engine.restart();
      return this.summary();
    }
    const closeFormer = await this.inEngine.forget();
    this.changeFound = undefined;
    this.results.clear();
    this.looks.clear();
    this.knownParts.clear();
    this.pending.clear();
    this.active = [];
    this.inspected = false;
    this.events.emit('reloaded', null);
    await closeFormer();
    const summary = await this.summary();
    await this.own.reload();
    return summary;
  }

  /** Cancels its jobs and closes its files. */
  async dispose(): Promise<void> {
    this.disposed = true;
    this.stopListening();
    this.events.removeAllListeners();
    for (const listener of this.disposeListeners) listener();
    await this.inEngine.end();
  }

  private listen(): () => void {
    const ours =
      <T extends DocumentStamp>(act: (params: T) => void) =>
      (params: T) => {
        if (this.inEngine.isAbout(params)) act(params);
      };
    const listeners: { [K in keyof EngineEvents]?: (...params: EngineEvents[K]) => void } = {
      result: ours(({ result }) => this.take(result)),
      progress: ours(({ name, stage, fraction }) => this.events.emit('progress', { name, stage, fraction })),
      quick: ours(({ look }) => this.takeLook(look)),
      queue: ours(({ done, total, active, quick, secondsLeft }) => {
        this.active = active;
        const news = { ...(quick && { quick }), ...(secondsLeft && { secondsLeft }) };
        this.events.emit('queue', { done, total, active, ...news });
      }),
      saving: ours(({ fraction, message, secondsLeft }) =>
        this.events.emit('saving', { fraction, message, ...(secondsLeft !== undefined && { secondsLeft }) }),
      ),
      running: ours(({ fraction, message, secondsLeft }) =>
        this.events.emit('running', { fraction, message, ...(secondsLeft !== undefined && { secondsLeft }) }),
      ),
      testing: ours(({ layer, fraction }) => this.events.emit('testing', { layer, fraction })),
      changed: ours(({ problem }) => this.filesChanged(problem)),
      state: (change) => this.engineChanged(change),
    };
    const events: EventEmitter = this.engine.events;
    for (const [name, listener] of Object.entries(listeners)) events.on(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) events.off(name, listener);
    };
  }

  private take(result: LayerResult): void {
    this.pending.delete(result.name);
    this.looks.delete(result.name);
    this.results.set(result.name, result);
    this.events.emit('result', result);
  }

  private takeLook(look: QuickLook): void {
    if (this.results.has(look.layer)) return;
    this.looks.set(look.layer, look);
    this.events.emit('quick', look);
  }

  private filesChanged(problem: Problem): void {
    this.changeFound = problem;
    this.pending.clear();
    this.events.emit('changed', problem);
  }

  private engineChanged(change: EngineChange): void {
    if (change.state === 'running') {
      // A view must not hear that all is well before its document is open again.
      if (change.restarted && this.inEngine.isWanted) void this.resume();
      return;
    }
    this.inEngine.lost(change.died);
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
      message: l10n.t('The engine ended at this layer: inspect it again. ({0})', message),
      tensor: tensor.name,
    };
    this.take({ ...withoutNumbers(name, tensor, problem), ...part });
  }

  /** In a new engine process: opens again, and queues again what has no result yet. */
  private async resume(): Promise<void> {
    try {
      await this.inEngine.current();
      if (this.disposed) return;
      const remaining = [...this.pending];
      if (remaining.length > 0) await this.inspect(remaining, this.depth);
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
