/** Work on request that needs memory of its own and a worker, beside the layers of the queue. */
import type { WorkerLease } from '../worker/workerPool';
import { assertFits, type RequestParts } from './requestParts';

/**
 * Runs `work` once `bytes` are free and then a worker is: in the order in which layers take them, so that none of the two
 * is held by one who waits for the other.
 *
 * @param needed bytes of memory, and what for: begins the sentence that refuses them
 * @throws LayerError `limit` if they are more than all layers in work may use
 * @throws what `work` throws; the signal's reason when it fires while waiting
 */
export async function leasedWork<T>(
  { memory, pool }: Pick<RequestParts, 'memory' | 'pool'>,
  { what, bytes }: { readonly what: string; readonly bytes: number },
  signal: AbortSignal,
  work: (lease: WorkerLease) => Promise<T>,
): Promise<T> {
  assertFits(memory, what, bytes);
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
