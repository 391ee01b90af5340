/**
 * The engine without its transport, put together from its parts. `main.ts` puts it behind IPC, `terminal/cli.ts` calls it
 * directly; both see the same numbers.
 */
import type { Accelerator } from '../linalg/devices/providers';
import type { DeviceChoice } from '../shared/devices';
import { HeldStatistics } from './document/heldStatistics';
import { Inspections } from './document/inspections';
import { LayerOutcomes, type Notify } from './document/layerOutcomes';
import { OpenDocuments } from './document/openDocuments';
import { QuickLooks } from './document/quickLooks';
import { ResultCache } from './document/resultCache';
import { ToldResults } from './exports/toldResults';
import { Peeks } from './requests/peeks';
import type { RequestParts } from './requests/requestParts';
import { Hardware } from './resources/hardware';
import { MemoryBudget } from './resources/memoryBudget';
import { WorkerPool } from './worker/workerPool';

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
  notify: Notify;
}

export class Engine implements RequestParts {
  readonly notify: Notify;
  readonly pool: WorkerPool;
  readonly memory: MemoryBudget;
  readonly hardware: Hardware;
  readonly cache: ResultCache;
  readonly documents = new OpenDocuments();
  readonly statistics = new HeldStatistics();
  readonly told = new ToldResults();
  readonly outcomes: LayerOutcomes;
  readonly inspections: Inspections;
  readonly peeks: Peeks;

  constructor({ cacheFolder, threads, memoryLimit, device, diedDevice, notify }: EngineOptions) {
    this.notify = notify;
    this.pool = new WorkerPool(threads);
    this.memory = new MemoryBudget(memoryLimit);
    this.hardware = new Hardware({ device, diedDevice, threads, onChange: (info) => notify('device', info) });
    this.cache = new ResultCache(cacheFolder, device);
    this.outcomes = new LayerOutcomes(this);
    this.inspections = new Inspections(threads, this.documents, this.outcomes, new QuickLooks(this), notify);
    this.peeks = new Peeks(this.documents, this.outcomes);
  }

  /** Cancels the document's jobs and closes its files. Does nothing where it is not open. */
  async close(handle: string): Promise<void> {
    const document = this.documents.find(handle);
    if (!document) return;
    this.inspections.cancel(document);
    this.statistics.forget(handle);
    this.told.forget(handle);
    await this.documents.close(handle);
  }

  async dispose(): Promise<void> {
    for (const { handle } of this.documents.all()) await this.close(handle);
    await this.pool.terminate();
    await this.hardware.dispose();
  }
}
