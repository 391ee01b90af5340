/** Quick looks at layers: from memory, from the cache on disk, or taken. */
import type { QuickLook } from '../../shared/estimates';
import type { InspectSettings } from '../../shared/layers';
import { lookQuickly, type QuickContext } from '../quick/quickLook';
import { isWorthALook, QUICK_LIMITS, QUICK_SEED } from '../quick/quickPlan';
import type { MemoryBudget } from '../resources/memoryBudget';
import type { WorkerPool } from '../worker/workerPool';
import type { EngineDocument } from './engineDocument';
import { cachedLayer, type Notify } from './layerOutcomes';
import type { ResultCache, ResultKey } from './resultCache';

/** Names the way of looking: raised whenever an estimate's definition or the record changes. */
const EXACTNESS = `quick 1 ${QUICK_LIMITS.block} ${QUICK_LIMITS.steps} ${QUICK_SEED}`;

export interface QuickParts {
  pool: WorkerPool;
  cache: ResultCache;
  memory: MemoryBudget;
  hardware: Pick<QuickContext, 'products' | 'singles'>;
  notify: Notify;
}

export class QuickLooks {
  /** By layer and settings. */
  private readonly inMemory = new WeakMap<EngineDocument, Map<string, QuickLook>>();

  constructor(private readonly parts: QuickParts) {}

  /** True for a layer whose spectrum takes long. A tied one has that of the other. */
  isWorthALook(document: EngineDocument, name: string, settings: InspectSettings): boolean {
    const { tensor, geometry } = document.layer(name);
    return document.tiedLayer(name) === undefined && isWorthALook(tensor, geometry, settings);
  }

  /** From memory, the cache on disk, or a new one. @throws as `lookQuickly` */
  async look(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    signal: AbortSignal,
  ): Promise<QuickLook> {
    let inMemory = this.inMemory.get(document);
    if (!inMemory) this.inMemory.set(document, (inMemory = new Map<string, QuickLook>()));
    const memoryKey = `${name} ${JSON.stringify(settings)}`;
    const known = inMemory.get(memoryKey) ?? (await this.cached(document, name, settings));
    if (known) {
      inMemory.set(memoryKey, known);
      return known;
    }
    const { tensor, geometry } = document.layer(name);
    const { pool, memory, hardware, notify } = this.parts;
    const started = performance.now();
    const found = await lookQuickly(
      {
        ...{ checkpoint: document.checkpoint, settings, memory, pool, signal },
        ...{ products: hardware.products, singles: hardware.singles },
        onProgress: (stage, fraction) => notify('progress', { ...document.stamp, name, stage, fraction }),
      },
      tensor,
      geometry!,
    );
    const look = { ...found, elapsed: performance.now() - started };
    inMemory.set(memoryKey, look);
    await this.store(document, name, settings, look);
    return look;
  }

  private async cached(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
  ): Promise<QuickLook | undefined> {
    const key = await this.key(document, name, settings);
    return key && this.parts.cache.get<QuickLook>(key);
  }

  private async store(
    document: EngineDocument,
    name: string,
    settings: InspectSettings,
    look: QuickLook,
  ): Promise<void> {
    // Not while the files may still change without another time.
    const key = document.settled ? await this.key(document, name, settings) : undefined;
    if (!key) return;
    try {
      await this.parts.cache.put(key, look);
    } catch (error) {
      const message = `a quick look cannot be cached (${error instanceof Error ? error.message : String(error)})`;
      this.parts.notify('log', { level: 'warn', message });
    }
  }

  private async key(document: EngineDocument, name: string, settings: InspectSettings): Promise<ResultKey | undefined> {
    if (!this.parts.cache.enabled) return undefined;
    const layer = await cachedLayer(document, name, settings);
    return layer && { ...layer, exactness: EXACTNESS };
  }
}
