/**
 * What the view knows: the checkpoint's tensors, the results so far and what is in work. The one place where
 * notifications land; parts of the page listen to it and are called at most once a frame.
 */
import type { ViewNotifications, ViewState } from '../../extension/protocol';
import type { PassSeconds, QuickLook } from '../../extension/shared/estimates';
import type { LayerResult } from '../../extension/shared/layers';
import { ownColumns, type KeptNumbers } from '../../extension/shared/ownNumbers';
import { unpackSummary } from '../../extension/shared/packedTensors';
import type { CheckpointSummary, Problem } from '../../extension/shared/tensors';
import { moduleTree, type ModuleTree, type TreeNode } from './moduleTree';

export interface Progress {
  done: number;
  total: number;
}

export type EngineState = ViewNotifications['engine'];

export class Inspection {
  readonly summary: CheckpointSummary;
  readonly settings: ViewState['settings'];
  readonly tree: ModuleTree;
  /** By layer name (tensor name where a tensor has no spectrum). */
  readonly results = new Map<string, LayerResult>();
  /** Results of layer parts. They have no rows in the table and are excluded from model-wide totals. */
  readonly partResults = new Map<string, LayerResult>();
  /** Estimates of layers without a result, by layer name. */
  readonly looks = new Map<string, QuickLook>();
  /** Names in the order in which results came, again where a layer got another one. */
  readonly arrivals: string[] = [];
  /** Layers in work, with the share done. */
  readonly progress = new Map<string, { stage: string; fraction: number }>();
  /** Layers and parts the engine died on. */
  readonly crashed = new Set<string>();
  queue: Progress = { done: 0, total: 0 };
  /** Quick looks, in the same way. */
  quickQueue: Progress = { done: 0, total: 0 };
  /** Until each pass is over; of exact spectra also while they wait to be asked for. */
  secondsLeft: PassSeconds = {};
  engine: EngineState | null = null;
  changed: Problem | null = null;
  /** Files of a person's own numbers. */
  own: readonly KeptNumbers[] = [];
  /** Those numbers, by column and layer: another map after each change. */
  ownColumns: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map();

  /** Grows with every result. */
  version = 0;
  /** Arithmetic and device of the results: small matrices and large ones may have had different ones. */
  readonly precisions = new Set<string>();

  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private leaves: Map<string, TreeNode> | undefined;

  constructor(state: Omit<ViewState, 'columns' | 'shares'>) {
    this.summary = unpackSummary(state.summary);
    this.settings = state.settings;
    this.tree = moduleTree(this.summary.tensors);
    this.changed = state.changed ?? null;
    for (const result of state.results) this.take(result);
    for (const look of state.quick ?? []) this.looks.set(look.layer, look);
    this.takeOwn(state.own ?? []);
  }

  /** The row of a layer, or of a tensor without one. */
  leafOf(layer: string): TreeNode | undefined {
    this.leaves ??= new Map(this.tree.leaves.flatMap((leaf) => (leaf.layer === undefined ? [] : [[leaf.layer, leaf]])));
    return this.leaves.get(layer);
  }

  /** Layers that have been looked at to the end. */
  get inspected(): number {
    return this.results.size - [...this.crashed].filter((name) => this.results.has(name)).length;
  }

  /** True for a layer or part without a result, or with none but that the engine died on it. */
  isMissing(name: string): boolean {
    return !(this.results.has(name) || this.partResults.has(name)) || this.crashed.has(name);
  }

  /** True while jobs are queued or running. */
  get busy(): boolean {
    return this.queue.done < this.queue.total || this.quickQueue.done < this.quickQueue.total;
  }

  /** Calls `listener` after changes, once a frame however many there were. */
  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  private take(result: LayerResult): void {
    if (result.problems.some(({ code }) => code === 'engine-died')) this.crashed.add(result.name);
    else this.crashed.delete(result.name);
    if (result.partOf !== undefined) {
      this.partResults.set(result.name, result);
      return;
    }
    if (!this.crashed.has(result.name)) this.looks.delete(result.name);
    this.results.set(result.name, result);
    this.arrivals.push(result.name);
    if (result.precision !== undefined) this.precisions.add(result.precision);
  }

  addResults(results: readonly LayerResult[]): void {
    for (const result of results) this.addResult(result);
    this.version += 1;
    this.announce();
  }

  addLooks(looks: readonly QuickLook[]): void {
    for (const look of looks) {
      if (!this.results.has(look.layer)) this.looks.set(look.layer, look);
      this.progress.delete(look.layer);
    }
    this.version += 1;
    this.announce();
  }

  setOwn(own: readonly KeptNumbers[]): void {
    this.takeOwn(own);
    this.version += 1;
    this.announce();
  }

  private takeOwn(own: readonly KeptNumbers[]): void {
    this.own = own;
    this.ownColumns = ownColumns(own);
  }

  private addResult(result: LayerResult): void {
    this.take(result);
    this.progress.delete(result.name);
    this.progress.delete(result.tensor);
  }

  setProgress({ name, stage, fraction }: ViewNotifications['progress']): void {
    this.progress.set(name, { stage, fraction });
    this.announce();
  }

  setQueue({ done, total, active, quick, secondsLeft }: ViewNotifications['queue']): void {
    this.queue = { done, total };
    this.quickQueue = quick ?? { done: 0, total: 0 };
    this.secondsLeft = secondsLeft ?? {};
    for (const name of this.progress.keys()) if (!active.includes(name)) this.progress.delete(name);
    for (const name of active) if (!this.progress.has(name)) this.progress.set(name, { stage: '', fraction: 0 });
    this.announce();
  }

  setEngine(engine: EngineState): void {
    this.engine = engine;
    for (const name of engine.failed) this.crashed.add(name);
    if (engine.state !== 'running') this.progress.clear();
    // Nothing will come of what it was asked for.
    if (engine.state === 'stopped') this.queue = this.quickQueue = { done: 0, total: 0 };
    this.announce();
  }

  setChanged(problem: Problem): void {
    this.changed = problem;
    this.announce();
  }

  private announce(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }
}
