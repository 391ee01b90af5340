/** Outcomes of layers: from memory, from the cache on disk, or computed. */
import type { EngineNotifications } from '../../protocol';
import type { InspectSettings } from '../../shared/layers';
import { LEAST_SHUFFLES } from '../../spectral/bulk/randomisation';
import { outcomeGoodness } from '../layer/goodness';
import { exactness, exactnessWithoutLimit } from '../layer/layerExactness';
import { layerInputAhead, type LayerSource } from '../layer/layerInput';
import { analyseLayer } from '../layer/layerPipeline';
import type { Processors } from '../layer/productSpectrum';
import { ReadAhead } from '../layer/readAhead';
import { abortable } from '../resources/abortable';
import type { MemoryBudget } from '../resources/memoryBudget';
import type { LayerOutcome } from '../worker/layerRecords';
import { tiedResult } from '../worker/layerResult';
import type { WorkerPool } from '../worker/workerPool';
import type { EngineDocument } from './engineDocument';
import type { ResultCache, ResultKey } from './resultCache';

/** Outcomes kept in memory for the views that are open: arrays of some 100 KB each. */
const MAX_OUTCOMES_IN_MEMORY = 64;

/** Sends one notification to the engine's user. */
export type Notify = <K extends keyof EngineNotifications>(name: K, params: EngineNotifications[K]) => void;

export interface OutcomeParts {
  pool: WorkerPool;
  cache: ResultCache;
  memory: MemoryBudget;
  hardware: Processors;
  notify: Notify;
}

export class LayerOutcomes {
  private readonly inMemory = new Map<string, LayerOutcome>();
  private readonly running = new Map<string, Promise<LayerOutcome>>();
  private cacheFailed = false;

  constructor(private readonly parts: OutcomeParts) {}

  /** From memory or the cache on disk, without computing. */
  async known(document: EngineDocument, name: string, settings: InspectSettings): Promise<LayerOutcome | undefined> {
    const twin = document.tiedLayer(name);
    if (twin !== undefined) {
      const outcome = await this.known(document, twin, settings);
      return outcome && tiedOutcome(document, name, outcome);
    }
    const key = memoryKey(document, name, settings);
    const { geometry } = document.layer(name);
    const known = this.inMemory.get(key) ?? (geometry && (await this.cached(document, name, settings)));
    return known && this.keep(key, known);
  }

  /** The input of a layer that is about to be computed. */
  readAhead(document: EngineDocument, name: string, settings: InspectSettings): ReadAhead {
    const { tensor, geometry } = document.layer(name);
    return new ReadAhead(async (signal, revoke) => {
      if (tensor.unreadable !== undefined || tensor.product || document.tiedLayer(name) !== undefined) return undefined;
      // What is kept is read later than that.
      if (this.parts.cache.enabled && !document.settled) return undefined;
      if (await this.known(document, name, settings)) return undefined;
      signal.throwIfAborted();
      return layerInputAhead(this.source(document, settings), tensor, geometry, signal, revoke);
    });
  }

  /**
   * From memory, the cache on disk, a computation that runs already, or a new one.
   *
   * @throws as `analyseLayer`
   */
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

  /**
   * A layer's outcome with its entries shuffled, without FARMS: as long in memory as other outcomes, never in the cache.
   *
   * @throws as `analyseLayer`
   */
  async shuffled(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    signal: AbortSignal,
  ): Promise<LayerOutcome> {
    const twin = document.tiedLayer(name);
    if (twin !== undefined) return this.shuffled(document, twin, settings, signal);
    const farms = { ...settings.farms, enabled: false };
    const only = { ...settings, farms, goodness: false, randomise: true, shuffles: LEAST_SHUFFLES };
    const key = memoryKey(document, name, only);
    const known = this.inMemory.get(key);
    if (known?.shuffledEigenvalues) return known;
    // The layer has its result: no row waits for this one.
    return this.keep(key, await this.compute(document, name, only, signal, undefined, () => undefined));
  }

  private async compute(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    signal: AbortSignal,
    ahead: ReadAhead | undefined,
    onProgress?: (stage: string, fraction: number) => void,
  ): Promise<LayerOutcome> {
    const { tensor, geometry, noSpectrum } = document.layer(name);
    const { pool, hardware, notify } = this.parts;
    const started = performance.now();
    const context = {
      ...this.source(document, settings),
      ...{ pool, products: hardware.products, devices: hardware.devices, signal },
      onProgress:
        onProgress ??
        ((stage: string, fraction: number) => notify('progress', { ...document.stamp, name, stage, fraction })),
    };
    const outcome = await analyseLayer(context, tensor, geometry, noSpectrum, ahead);
    if (settings.goodness && outcome.eigenvalues.length > 0) {
      const onTested = (fraction: number): void => context.onProgress('goodness of fit', fraction);
      outcome.result.goodness = await outcomeGoodness(pool, outcome, signal, onTested);
    }
    outcome.result.elapsed = performance.now() - started;
    return outcome;
  }

  private source({ checkpoint }: EngineDocument, settings: InspectSettings): LayerSource {
    return { checkpoint, settings, memory: this.parts.memory };
  }

  private keep(key: string, outcome: LayerOutcome): LayerOutcome {
    this.inMemory.delete(key);
    this.inMemory.set(key, outcome);
    if (this.inMemory.size > MAX_OUTCOMES_IN_MEMORY) {
      for (const oldest of this.inMemory.keys()) {
        this.inMemory.delete(oldest);
        break;
      }
    }
    return outcome;
  }

  /** From the cache on disk: as exact as it would be computed, or more. */
  private async cached(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
  ): Promise<LayerOutcome | undefined> {
    const { cache, memory } = this.parts;
    if (!cache.enabled) return undefined;
    const { tensor, geometry } = document.layer(name);
    const own = exactness(tensor, geometry!, settings, memory.limit);
    const best = exactnessWithoutLimit(tensor, geometry!, settings);
    const layer = await cachedLayer(document, name, settings);
    if (!layer) return undefined;
    for (const each of new Set([own, best])) {
      const outcome = each === undefined ? undefined : await cache.get({ ...layer, exactness: each });
      if (outcome) return outcome;
    }
    return undefined;
  }

  private async store(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    outcome: LayerOutcome,
  ): Promise<void> {
    const { cache, memory, notify } = this.parts;
    if (!cache.enabled) return;
    const { tensor, geometry } = document.layer(name);
    const made = exactness(tensor, geometry!, settings, memory.limit)!;
    const layer = await cachedLayer(document, name, settings);
    if (!layer) return;
    try {
      await cache.put({ ...layer, exactness: made }, outcome);
    } catch (error) {
      // A full or read-only disk costs only the next opening its head start: said once, then left alone.
      if (!this.cacheFailed) {
        const message = `results cannot be cached (${error instanceof Error ? error.message : String(error)})`;
        notify('log', { level: 'warn', message });
      }
      this.cacheFailed = true;
    }
  }
}

/** A layer's outcome as that of another one that is tied to it. */
function tiedOutcome(document: EngineDocument, name: string, outcome: LayerOutcome): LayerOutcome {
  return { ...outcome, result: tiedResult(outcome.result, name, document.layer(name).tensor) };
}

/**
 * The layer's key in the cache on disk, but for how exactly it was computed. Undefined if its bytes cannot be read:
 * then it is not in the cache, no entry is asked for, and computing it says what is wrong.
 */
export async function cachedLayer(
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
