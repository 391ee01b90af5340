/** The bootstrap test of a fit, in a worker thread. */
import type { GoodnessOfFit } from '../../shared/layers';
import { NOT_ROUNDED } from '../../spectral/storedRounding';
import type { LayerOutcome } from '../worker/layerRecords';
import type { WorkerPool } from '../worker/workerPool';

/** Tests the fit of a known outcome. @throws AbortError */
export async function outcomeGoodness(
  pool: WorkerPool,
  { result, eigenvalues }: LayerOutcome,
  signal: AbortSignal,
  onProgress: (fraction: number) => void,
): Promise<GoodnessOfFit> {
  const lease = await pool.lease(signal);
  try {
    const { M, rounding = NOT_ROUNDED } = result;
    return await lease.calls.goodness({ eigenvalues, dimension: M!, rounding }, { onProgress });
  } finally {
    lease.release();
  }
}
