/**
 * The engine without its transport: open documents, jobs, results. `main.ts` puts it behind IPC, `cli.ts` calls it
 * directly; both see the same numbers.
 */
import type { MatrixProducts, ProductSource } from '../linalg/products/productTypes';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { CheckpointError } from '../checkpoint/checkpointError';
import { openCheckpoint } from '../checkpoint/registry';
import { withFolds } from '../checkpoint/wrappers/foldedTensor';
import { shardOfModel } from '../checkpoint/folders/shardOfModel';
import { withSlices } from '../checkpoint/wrappers/tensorSlice';
import { withTiedEmbeddings } from '../checkpoint/wrappers/tiedEmbeddings';
import { removeAbandonedPartials } from '../compression/partialFile';
import { createMatrixProducts } from '../linalg/products/matrixProducts';
import { openOnnxProducts } from '../linalg/products/onnxProducts';
import type { Accelerator } from '../linalg/devices/providers';
import type { EngineNotifications, PeekResult, Stamped } from '../protocol';
import type { DeviceChoice, DeviceInfo } from '../shared/devices';
import type { InspectSettings } from '../shared/layers';
import { problemOf } from '../shared/rpc';
import type { Problem } from '../shared/tensors';
import { EngineError } from './document/engineLayer';
import { outcomeGoodness } from './layer/goodness';
import { abortable } from './resources/abortable';
import { Devices } from './resources/devices';
import { EngineDocument } from './document/engineDocument';
import { snapshotFiles } from './document/fileSnapshot';
import { rankedCurve } from '../spectral/esd';
import { JobQueue } from './resources/jobQueue';
import { exactness, exactnessWithoutLimit } from './layer/layerExactness';
import { LayerError, layerInputAhead, type LayerSource } from './layer/layerInput';
import { analyseLayer } from './layer/layerPipeline';
import { failedResult, tiedResult } from './worker/layerResult';
import { MemoryBudget } from './resources/memoryBudget';
import { tryOnnxruntime, type OnnxruntimeVerdict } from './resources/trialProcess';
import { readModelConfig } from './document/modelConfig';
import { PassingDocuments } from './document/passingDocuments';
import { ReadAhead } from './layer/readAhead';
import { ResultCache, type ResultKey } from './document/resultCache';
import { summarise } from './document/summary';
import type { LayerOutcome } from './worker/layerRecords';
import { WorkerPool } from './worker/workerPool';

/** Outcomes kept in memory for the views that are open: arrays of some 100 KB each. */
const MAX_OUTCOMES_IN_MEMORY = 64;

export interface EngineOptions {
  /** Folder of the result cache; undefined keeps nothing on disk. */
  cacheFolder: string | undefined;
  /** Worker threads, at least 1. */
  threads: number;
  /** Bytes that all layers in work may hold. */
  memoryLimit: number;
  device: DeviceChoice;
  /** Device that was in use when a former engine process died: not tried again. */
  diedDevice?: Accelerator | undefined;
  notify: <K extends keyof EngineNotifications>(name: K, params: EngineNotifications[K]) => void;
}

export class Engine {
  readonly pool: WorkerPool;
  readonly cache: ResultCache;
  private readonly devices: Devices;
  private readonly documents = new Map<string, EngineDocument>();
  private readonly passing = new PassingDocuments(
    (path) => this.open(path),
    ({ handle }) => this.close(handle),
  );
  /** Folders in which this process has looked for what killed saves left. */
  private readonly tidied = new Set<string>();
  private readonly memory = new Map<string, LayerOutcome>();
  private readonly running = new Map<string, Promise<LayerOutcome>>();
  private readonly queue: JobQueue<ReadAhead>;
  readonly memoryBudget: MemoryBudget;
  private products: Promise<MatrixProducts> | undefined;
  private onnxruntimeTrial: Promise<OnnxruntimeVerdict> | undefined;
  private cacheFailed = false;
  private checkingFiles = false;

  constructor(readonly options: EngineOptions) {
    this.pool = new WorkerPool(options.threads);
    this.cache = new ResultCache(options.cacheFolder, options.device);
    this.devices = new Devices({
      request: options.device,
      ...(options.diedDevice && { died: options.diedDevice }),
      onChange: () => void this.announceDevice(),
      onnxruntime: () => this.onnxruntime(),
    });
    this.memoryBudget = new MemoryBudget(options.memoryLimit);
    this.queue = new JobQueue<ReadAhead>(options.threads, {
      onState: (document, state) => {
        if (state.done >= state.total && state.active.length === 0) this.suggestWelore(document);
        const stamp = this.documents.get(document)?.stamp;
        if (stamp) options.notify('queue', { ...stamp, ...state });
      },
      onFailed: (job, error) => this.jobFailed(job.document, job.name, error),
    });
  }

  /** @throws CheckpointError */
  async open(path: string, signal?: AbortSignal): Promise<EngineDocument> {
    const stored = await openCheckpoint(path, signal);
    // Not to be guessed: a handle of a former process must not mean another file in this one.
    const handle = randomUUID();
    try {
      const files = await snapshotFiles(stored.files);
      const config = await readModelConfig(stored, signal);
      const tied = config.copiesAreTied ? await withTiedEmbeddings(stored, signal) : stored;
      const checkpoint = withSlices(withFolds(tied));
      const shard = await shardOfModel(stored.path);
      const summary = { ...summarise(checkpoint, handle, files, config), ...(shard && { shard }) };
      const document = new EngineDocument(handle, path, checkpoint, files, summary, config);
      this.documents.set(handle, document);
      this.tidyBeside(stored.files);
      return document;
    } catch (error) {
      await stored.close();
      throw error;
    }
  }

  /** Removes what killed saves left beside the files, once for each folder. */
  private tidyBeside(files: readonly string[]): void {
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      if (this.tidied.has(folder)) continue;
      this.tidied.add(folder);
      void removeAbandonedPartials(folder);
    }
  }

  async close(handle: string): Promise<void> {
    const document = this.documents.get(handle);
    if (!document) return;
    this.queue.cancel(handle);
    this.documents.delete(handle);
    await document.checkpoint.close();
  }

  document(handle: string): EngineDocument {
    const document = this.documents.get(handle);
    if (!document) throw new EngineError('unknown-document', 'this checkpoint is no longer open; open it again');
    return document;
  }

  /** The open document of a path, for the hover. */
  private documentOf(path: string): EngineDocument | undefined {
    // One that was opened before the files changed must not answer for what they are now.
    const documents = [...this.documents.values()].filter(({ change }) => !change);
    return documents.findLast(({ openedPath, checkpoint }) => openedPath === path || checkpoint.path === path);
  }

  /**
   * Queues layers (tensor names stand for all of their layers); unknown names are an error. Of files that have changed nothing is
   * queued: whoever asks was told.
   */
  inspect(handle: string, names: readonly string[] | undefined, settings: InspectSettings): number {
    const document = this.document(handle);
    if (document.change) return 0;
    const wanted = names ? document.expand(names) : [...document.layers.keys()];
    let queued = 0;
    for (const name of wanted) {
      document.layer(name);
      const run = async (signal: AbortSignal, ahead?: ReadAhead): Promise<void> => {
        const outcome = await this.outcome(document, name, settings, signal, ahead).finally(() => ahead?.drop());
        document.remember(outcome);
        this.options.notify('result', { ...document.stamp, result: outcome.result });
      };
      const prepare = (): ReadAhead => this.readAhead(document, name, settings);
      if (this.queue.add({ document: handle, name, run, prepare })) queued++;
    }
    this.queue.start();
    return queued;
  }

  prioritise(handle: string, names: readonly string[]): void {
    this.queue.prioritise(handle, this.document(handle).expand(names));
  }

  cancel(handle: string, names?: readonly string[]): void {
    this.queue.cancel(handle, names && this.document(handle).expand(names));
  }

  /** From memory or the cache on disk, without computing. */
  async known(document: EngineDocument, name: string, settings: InspectSettings): Promise<LayerOutcome | undefined> {
    const twin = document.tiedLayer(name);
    if (twin !== undefined) {
      const outcome = await this.known(document, twin, settings);
      return outcome && tiedOutcome(document, name, outcome);
    }
    const key = memoryKey(document, name, settings);
    const { geometry } = document.layer(name);
    const known = this.memory.get(key) ?? (geometry && (await this.cached(document, name, settings)));
    return known && this.keep(key, known);
  }

  /** From the cache on disk: as exact as it would be computed, or more. */
  private async cached(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
  ): Promise<LayerOutcome | undefined> {
    if (!this.cache.enabled) return undefined;
    const { tensor, geometry } = document.layer(name);
    const own = exactness(tensor, geometry!, settings, this.memoryBudget.limit);
    const best = exactnessWithoutLimit(tensor, geometry!, settings);
    const layer = await cachedLayer(document, name, settings);
    if (!layer) return undefined;
    for (const each of new Set([own, best])) {
      const outcome = each === undefined ? undefined : await this.cache.get({ ...layer, exactness: each });
      if (outcome) return outcome;
    }
    return undefined;
  }

  private readAhead(document: EngineDocument, name: string, settings: InspectSettings): ReadAhead {
    const { tensor, geometry } = document.layer(name);
    return new ReadAhead(async (signal, revoke) => {
      if (tensor.unreadable !== undefined || tensor.product || document.tiedLayer(name) !== undefined) return undefined;
      // What is kept is read later than that.
      if (this.cache.enabled && !document.settled) return undefined;
      if (await this.known(document, name, settings)) return undefined;
      signal.throwIfAborted();
      return layerInputAhead(this.source(document, settings), tensor, geometry, signal, revoke);
    });
  }

  /** From memory, the cache on disk, a computation that runs already, or a new one. */
  async outcome(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    signal: AbortSignal,
    ahead?: ReadAhead,
  ): Promise<LayerOutcome> {
    const twin = document.tiedLayer(name);
    if (twin !== undefined) return tiedOutcome(document, name, await this.outcome(document, twin, settings, signal));
    const { geometry } = document.layer(name);
    const known = await this.known(document, name, settings);
    if (known) return known;
    const key = memoryKey(document, name, settings);
    const running = this.running.get(key);
    if (running) {
      // Its own caller hears its error; we try ourselves.
      const shared = await abortable(
        running.catch(() => undefined),
        signal,
      );
      if (shared) return shared;
    }
    // Not while the files may still change without another time: an entry would be taken for one of what they are then.
    const lasting = geometry !== undefined && document.settled;
    const computing = this.compute(document, name, settings, signal, ahead);
    this.running.set(key, computing);
    try {
      const outcome = await computing;
      if (lasting) await this.store(document, name, settings, outcome);
      return this.keep(key, outcome);
    } finally {
      if (this.running.get(key) === computing) this.running.delete(key);
    }
  }

  private async compute(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    signal: AbortSignal,
    ahead: ReadAhead | undefined,
  ): Promise<LayerOutcome> {
    const { tensor, geometry, noSpectrum } = document.layer(name);
    const started = performance.now();
    const context = {
      ...this.source(document, settings),
      pool: this.pool,
      products: () => this.matrixProducts(),
      devices: this.devices,
      signal,
      onProgress: (stage: string, fraction: number) =>
        this.options.notify('progress', { ...document.stamp, name, stage, fraction }),
    };
    const outcome = await analyseLayer(context, tensor, geometry, noSpectrum, ahead);
    if (settings.goodness && outcome.eigenvalues.length > 0) {
      const onProgress = (fraction: number): void => context.onProgress('goodness of fit', fraction);
      outcome.result.goodness = await outcomeGoodness(this.pool, outcome, signal, onProgress);
    }
    outcome.result.elapsed = performance.now() - started;
    return outcome;
  }

  private source({ checkpoint }: EngineDocument, settings: InspectSettings): LayerSource {
    return { checkpoint, settings, memory: this.memoryBudget };
  }

  private keep(key: string, outcome: LayerOutcome): LayerOutcome {
    this.memory.delete(key);
    this.memory.set(key, outcome);
    if (this.memory.size > MAX_OUTCOMES_IN_MEMORY) {
      for (const oldest of this.memory.keys()) {
        this.memory.delete(oldest);
        break;
      }
    }
    return outcome;
  }

  private async store(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    outcome: LayerOutcome,
  ): Promise<void> {
    if (!this.cache.enabled) return;
    const { tensor, geometry } = document.layer(name);
    const made = exactness(tensor, geometry!, settings, this.memoryBudget.limit)!;
    const layer = await cachedLayer(document, name, settings);
    if (!layer) return;
    try {
      await this.cache.put({ ...layer, exactness: made }, outcome);
    } catch (error) {
      // A full or read-only disk costs only the next opening its head start: said once, then left alone.
      if (!this.cacheFailed) {
        const message = `results cannot be cached (${error instanceof Error ? error.message : String(error)})`;
        this.options.notify('log', { level: 'warn', message });
      }
      this.cacheFailed = true;
    }
  }

  /** Once every layer is known, WeLore's one threshold for the model gives each layer its rank. */
  private suggestWelore(handle: string): void {
    const document = this.documents.get(handle);
    if (!document?.complete()) return;
    for (const result of document.weloreResults()) this.options.notify('result', { ...document.stamp, result });
  }

  private jobFailed(handle: string, name: string, error: unknown): void {
    const document = this.documents.get(handle);
    if (!document) return;
    if (error instanceof CheckpointError && error.code === 'changed') {
      // It is about the file, whichever layer was read just then: nothing is wrong with that one.
      const { file, remedy } = error.where;
      const where = { ...(file !== undefined && { file }), ...(remedy !== undefined && { remedy }) };
      this.changed(document, new CheckpointError(error.code, error.reason, where).toProblem());
      return;
    }
    const { tensor, geometry } = document.layer(name);
    const statistics = error instanceof LayerError ? error.statistics : null;
    const result = failedResult(name, tensor, geometry, layerProblem(error, name), statistics);
    document.setResult(result);
    this.options.notify('result', { ...document.stamp, result });
  }

  /** Cached outcome of a path's layer; never computes. A path that is not open is, for a moment. */
  async peek(path: string, layer: string, settings: InspectSettings): Promise<Stamped<PeekResult> | null> {
    const document = this.documentOf(path) ?? (await this.passingDocument(path));
    if (!document.layers.has(layer)) return null;
    const outcome = await this.known(document, layer, settings);
    if (!outcome) return null;
    const curve = rankedCurve(outcome.eigenvalues, CURVE_POINTS);
    return { about: document.stamp, answer: { layer: document.result(layer) ?? outcome.result, curve } };
  }

  private async passingDocument(path: string): Promise<EngineDocument> {
    const document = await this.passing.get(path);
    if (!document.change) return document;
    this.passing.drop(path);
    return this.passing.get(path);
  }

  matrixProducts(): Promise<MatrixProducts> {
    return (this.products ??= createMatrixProducts(async () => {
      const verdict = await this.onnxruntime();
      if ('refused' in verdict) throw new Error(verdict.refused);
      return openOnnxProducts();
    }));
  }

  /** Tried once, in another process: loading a library that ends its process must not end this one. */
  private onnxruntime(): Promise<OnnxruntimeVerdict> {
    return (this.onnxruntimeTrial ??= tryOnnxruntime());
  }

  /** As far as it is known; begins the trial of a device that was asked for by name. */
  async device(): Promise<DeviceInfo> {
    this.devices.beginNamed();
    const { device } = await this.matrixProducts();
    return this.devices.info(device, this.pool.size);
  }

  /** What was used until now, without loading anything for the answer. */
  async deviceInUse(): Promise<DeviceInfo> {
    const products = await this.products;
    return this.devices.info(products?.device ?? WORKER_KERNELS, this.pool.size);
  }

  private async announceDevice(): Promise<void> {
    this.options.notify('device', await this.deviceInUse());
  }

  /** Looks whether open files are still what was opened. Ends at once where a former look still waits for a disk. */
  async checkFiles(): Promise<void> {
    if (this.checkingFiles) return;
    this.checkingFiles = true;
    try {
      for (const document of this.documents.values()) {
        const problem = await document.findChange();
        if (problem && this.documents.get(document.handle) === document) this.changed(document, problem);
      }
    } finally {
      this.checkingFiles = false;
    }
  }

  /** Told once a document. What is still to be computed of it would fail, layer by layer. */
  private changed(document: EngineDocument, problem: Problem): void {
    this.queue.cancel(document.handle);
    if (document.noteChange(problem)) this.options.notify('changed', { ...document.stamp, problem });
  }

  async dispose(): Promise<void> {
    for (const handle of [...this.documents.keys()]) await this.close(handle);
    await this.pool.terminate();
    await this.devices.dispose();
    if (this.products) await (await this.products).dispose();
  }
}

/** A layer's outcome as that of another one that is tied to it. */
function tiedOutcome(document: EngineDocument, name: string, outcome: LayerOutcome): LayerOutcome {
  return { ...outcome, result: tiedResult(outcome.result, name, document.layer(name).tensor) };
}

/** What went wrong with a layer, naming it. */
function layerProblem(error: unknown, name: string): Problem {
  if (error instanceof CheckpointError) return { ...error.ofTensor(name).toProblem(), tensor: name };
  const problem = problemOf(error);
  return { ...problem, message: `${name}: ${problem.message}`, tensor: name };
}

/**
 * What the cache on disk knows a layer by, but for how exactly it was computed. Undefined where its bytes cannot be read: then
 * it is not in the cache, nobody will ask for an entry, and whoever computes it says what is wrong.
 */
async function cachedLayer(
  document: EngineDocument,
  name: string,
  settings: InspectSettings,
): Promise<Omit<ResultKey, 'exactness'> | undefined> {
  const probe = await document.probe(name).catch(() => undefined);
  return probe && { identity: document.identity, layer: document.cacheName(name), settings, probe };
}

function memoryKey(document: EngineDocument, name: string, settings: InspectSettings): string {
  return `${document.identity} ${document.cacheName(name)} ${JSON.stringify(settings)}`;
}

/** What multiplies where no layer was large enough for onnxruntime. */
const WORKER_KERNELS: ProductSource = { provider: 'wasm', precision: 'float64', refused: [], threads: 1 };

/** Points of the hover's curve. */
const CURVE_POINTS = 64;
