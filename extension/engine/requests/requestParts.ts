/** The parts of the engine that requests about a layer work with; each takes those that it needs. */
import type { MatrixProducts } from '../../linalg/products/productTypes';
import type { LayerOutcomes, Notify } from '../document/layerOutcomes';
import type { MemoryBudget } from '../resources/memoryBudget';
import type { WorkerPool } from '../worker/workerPool';

export interface RequestParts {
  outcomes: Pick<LayerOutcomes, 'known' | 'outcome'>;
  pool: WorkerPool;
  memory: MemoryBudget;
  hardware: { products: () => Promise<MatrixProducts> };
  notify: Notify;
}

/** For what needs memory of its own, a worker and products. */
export type ComputingParts = Pick<RequestParts, 'pool' | 'memory' | 'hardware'>;
