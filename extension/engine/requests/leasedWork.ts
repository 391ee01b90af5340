/** Work on request that needs memory of its own and a worker, beside the layers of the queue. */
import type { WorkerLease } from '../worker/workerPool';
import type { RequestParts } from './requestParts';

/**
 * Runs `work` once `bytes` are free and then a worker is: in the order in which layers take them, so that none of the two
 * is held by one who waits for the other.
 *
 * @throws what `work` throws; the signal's reason when it fires while waiting
 */
export async function leasedWork<T>(
  { memory, pool }: Pick<RequestParts, 'memory' | 'pool'>,
  bytes: number,
  signal: AbortSignal,
  work: (lease: WorkerLease) => Promise<T>,
): Promise<T> {
  const reservation = await memory.reserve(bytes, signal);
  try {
    const lease = await pool.lease(signal);
    try {
      return await work(lease);
    } finally {
      lease.release();
    }
  } finally {
    reservation.release();
  }
}
