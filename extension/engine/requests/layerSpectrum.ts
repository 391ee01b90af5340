/** Everything a layer's view draws: the outcome, and the histogram of its elements read anew. */
import type { InspectSettings, LayerSpectrum, TensorStatistics } from '../../shared/layers';
import { emptyHistogram, type ElementHistogram } from '../../spectral/metrics/statistics';
import { rankMatrix, type EngineLayer } from '../layer/engineLayer';
import type { EngineDocument } from '../document/engineDocument';
import { layerRows } from '../layer/layerInput';
import type { WorkerPool } from '../worker/workerPool';
import type { RequestParts } from './requestParts';

/** Bytes of a band that is read and counted at a time. */
const BAND_BYTES = 16 * 1024 * 1024;

/** @throws EngineError, CheckpointError, AbortError */
export async function layerSpectrum(
  { outcomes, pool }: Pick<RequestParts, 'outcomes' | 'pool'>,
  document: EngineDocument,
  name: string,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<LayerSpectrum> {
  const layer = document.layer(name);
  const outcome = await outcomes.outcome(document, name, settings, signal);
  return {
    layer: document.result(name) ?? outcome.result,
    eigenvalues: outcome.eigenvalues,
    farmsEigenvalues: outcome.farmsEigenvalues,
    rankEigenvalues: outcome.rankEigenvalues,
    // A tensor without a spectrum has elements to show all the same.
    rankMatrix: layer.geometry ? rankMatrix(layer) : { rows: 0, cols: 0 },
    histogram: await elementHistogram(pool, document, layer, outcome.result.statistics, signal),
  };
}

async function elementHistogram(
  pool: WorkerPool,
  document: EngineDocument,
  { tensor, geometry }: EngineLayer,
  statistics: TensorStatistics | null,
  signal: AbortSignal,
): Promise<ElementHistogram> {
  const total = emptyHistogram(statistics ?? { min: null, max: null });
  if (tensor.unreadable !== undefined) return total;
  const lease = await pool.lease(signal);
  try {
    const rows = layerRows(tensor, geometry);
    const perRow = tensor.byteLength / Math.max(1, tensor.shape[0] ?? 1);
    const step = Math.max(1, Math.floor(BAND_BYTES / perRow));
    for (let start = rows.start; start < rows.end; start += step) {
      const band = { start, end: Math.min(start + step, rows.end) };
      const bytes = await document.checkpoint.read(tensor, band, signal);
      const call = { bytes, dtype: tensor.dtype, edges: total.edges };
      const counts = await lease.calls.histogram(call, { transfer: [bytes.buffer] });
      counts.forEach((count, index) => (total.counts[index]! += count));
    }
    return total;
  } finally {
    lease.release();
  }
}
