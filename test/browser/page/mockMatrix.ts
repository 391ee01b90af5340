/** A made matrix with what people look for: one strong direction, a column that stands out, noise. */
import type { HeatMap, LayerVectors } from '../../../extension/shared/layers';
import type { TensorSummary } from '../../../extension/shared/tensors';
import { addToPlanes, cellsOf, emptyPlanes, heatMapOf, ordersOf } from '../../../extension/spectral/heatMap';
import { vectorMetrics } from '../../../extension/spectral/metrics/vectorMetrics';
import { random } from './mockModel';

const OUTSTANDING_COLUMN = 100;

interface Made {
  rows: number;
  cols: number;
  elements: Float64Array;
  u: Float64Array;
  v: Float64Array;
}

function matrixOf(info: TensorSummary): Made {
  const rows = info.shape[0]!;
  // From the shape: a product that is not stored has no parameters of its own.
  const cols = info.shape.slice(1).reduce((product, size) => product * size, 1);
  const draw = random(rows + cols);
  const u = Float64Array.from({ length: rows }, () => draw() - 0.5);
  const v = Float64Array.from({ length: cols }, () => draw() - 0.5);
  const elements = Float64Array.from({ length: rows * cols }, (_, at) => {
    const col = at % cols;
    const outstanding = col === OUTSTANDING_COLUMN ? 6 : 1;
    return outstanding * 0.04 * (draw() + draw() - 1) + 0.1 * u[Math.floor(at / cols)]! * v[col]!;
  });
  if (info.name === 'broken.weight') elements.fill(NaN, 77, 80);
  return { rows, cols, elements, u, v };
}

export function heatMap(info: TensorSummary, layer: string, order: number): HeatMap {
  const { rows, cols, elements, u, v } = matrixOf(info);
  const down = cellsOf(rows, order > 0 ? u : undefined);
  const across = cellsOf(cols, order > 0 ? v : undefined);
  const planes = emptyPlanes(down.size * across.size);
  addToPlanes(planes, elements, down.cells, across.cells, across.size);
  return { layer, order, ...heatMapOf(planes, rows, cols), ...ordersOf(down, across) };
}

export function layerVectors(info: TensorSummary, layer: string, count: number): LayerVectors {
  const { rows, cols, u, v } = matrixOf(info);
  const spread = (vector: Float64Array, i: number): ReturnType<typeof vectorMetrics> =>
    vectorMetrics(vector.map((x, at) => x * Math.exp((-i * at) / vector.length)));
  const vectors = Array.from({ length: Math.min(count, rows, cols) }, (_, i) => ({
    ...{ sigma: 3 * 0.8 ** i, residual: 1.2e-10, left: spread(u, i), right: spread(v, i) },
  }));
  return { layer, rows, cols, vectors, elapsed: 40 };
}
