/** A made matrix with what people look for: one strong direction, a column that stands out, noise. */
import type { ElementRange, ElementSlice, ElementTable } from '../../../extension/shared/elements';
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

/** The last one that was made: a table of its elements asks for them block by block. */
let last: { name: string; made: Made } | undefined;

function matrixOf(info: TensorSummary): Made {
  if (last?.name !== info.name) last = { name: info.name, made: make(info) };
  return last.made;
}

function make(info: TensorSummary): Made {
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

export function elementTable(info: TensorSummary, layer: string): ElementTable {
  const { shape, dtype } = info;
  const rows = shape.length < 2 ? info.parameters : shape[0]!;
  return { layer, dtype, shape, rows, cols: Math.max(1, info.parameters / rows), offset: 0 };
}

/** Of a matrix too large to be made here: a number that tells its place. */
const MOST_MADE = 2_000_000;

export function elementSlice(info: TensorSummary, layer: string, range: ElementRange): ElementSlice {
  const table = elementTable(info, layer);
  const made = info.parameters <= MOST_MADE && info.shape.length > 1 ? matrixOf(info).elements : null;
  const values = Float64Array.from({ length: range.rows * range.cols }, (_, i) => {
    const flat = (range.row + Math.floor(i / range.cols)) * table.cols + range.col + (i % range.cols);
    return made ? made[flat]! : flat;
  });
  return { ...table, range, values };
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
