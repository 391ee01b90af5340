/** The parts of the engine that requests about a layer work with; each takes those that it needs. */
import type { MatrixProducts } from '../../linalg/products/productTypes';
import type { LayerOutcomes, Notify } from '../document/layerOutcomes';
import { LayerError } from '../layer/layerInput';
import type { MemoryBudget } from '../resources/memoryBudget';
import type { WorkerPool } from '../worker/workerPool';
import { beyondLimit } from '../resources/megabytes';

export interface RequestParts {
  outcomes: Pick<LayerOutcomes, 'known' | 'outcome'>;
  pool: WorkerPool;
  memory: MemoryBudget;
  hardware: { products: () => Promise<MatrixProducts> };
  notify: Notify;
}

/** For what needs memory of its own, a worker and products. */
export type ComputingParts = Pick<RequestParts, 'pool' | 'memory' | 'hardware'>;

/** @param what needs so many bytes. @throws LayerError `limit` if they are more than all layers in work may use */
export function assertFits({ limit }: Pick<MemoryBudget, 'limit'>, what: string, bytes: number): void {
  if (bytes <= limit) return;
  throw new LayerError('limit', `${what} needs ${beyondLimit(bytes, limit)}`);
}

/** Work that holds so many bytes. @throws LayerError `limit` if they do not fit in the limit; what the work throws */
export async function reserved<T>(
  memory: MemoryBudget,
  name: string,
  bytes: number,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  assertFits(memory, name, bytes);
  const reservation = await memory.reserve(bytes, signal);
  try {
    return await work();
  } finally {
    reservation.release();
  }
}
