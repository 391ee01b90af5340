/** A layer's matrix at screen resolution, read in bands, its rows and columns in stored order or by a singular vector. */
import type { HeatMap } from '../../shared/layers';
import { cellsOf, emptyPlanes, heatMapOf, ordersOf } from '../../spectral/heatMap';
import { EngineError } from '../layer/engineLayer';
import type { EngineDocument } from '../document/engineDocument';
import { storedMatrix } from '../layer/layerMatrix';
import type { ComputingParts } from './requestParts';
import { singularVectors } from './singularVectors';

/** @param order number of the singular triplet, 0 for stored order. @throws as `singularVectors` */
export async function layerHeatMap(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  order: number,
  signal: AbortSignal,
): Promise<HeatMap> {
  const layer = document.layer(name);
  if (!layer.geometry) {
    throw new EngineError('no-spectrum', `${name} is no matrix: ${layer.noSpectrum ?? 'no matrix'}`);
  }
  const stored = storedMatrix(document.checkpoint, layer);
  const { rows, cols } = stored;
  const keys = order === 0 ? undefined : await orderingVectors(parts, document, name, order, signal);
  const down = cellsOf(rows, keys?.u);
  const across = cellsOf(cols, keys?.v);
  const lease = await parts.pool.lease(signal);
  try {
    const { dtype } = layer.tensor;
    let planes = emptyPlanes(down.size * across.size);
    for await (const band of stored.bands(signal)) {
      const { bytes } = band;
      const rowCells = down.cells.slice(band.start, band.start + band.rows);
      const call = { bytes, dtype, planes, rowCells, colCells: across.cells, width: across.size };
      planes = await lease.calls.heatMap(call, { transfer: [bytes.buffer, planes.buffer] });
    }
    return { layer: name, order, ...heatMapOf(planes, rows, cols), ...ordersOf(down, across) };
  } finally {
    lease.release();
  }
}

async function orderingVectors(
  parts: ComputingParts,
  document: EngineDocument,
  name: string,
  order: number,
  signal: AbortSignal,
): Promise<{ u: Float64Array; v: Float64Array }> {
  const { rows, cols, left, right } = await singularVectors(parts, document, name, order, signal);
  const last = left.length / rows - 1;
  // A matrix with fewer triplets has no such ordering: its last one stands in.
  const at = Math.min(order - 1, last);
  return { u: left.subarray(at * rows, (at + 1) * rows), v: right.subarray(at * cols, (at + 1) * cols) };
}
