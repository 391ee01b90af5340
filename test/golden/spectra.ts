/** Spectra of checkpoint layers, computed in the test's own process the plain way: matrix, Gram, eigenvalues. */
import type { Checkpoint, TensorInfo } from '../../extension/checkpoint/checkpoint';
import { widen } from '../../extension/checkpoint/elements/dtype';
import { gram } from '../../extension/linalg/gram/gram';
import { symmetricEigenvalues } from '../../extension/linalg/eigen/symmetricEigenvalues';
import type { FitRule, InspectSettings, PowerLawFit } from '../../extension/shared/layers';
import {
  farmsConvBlocks,
  farmsWindows,
  fitFarmsBlocks,
  fitFarmsWindows,
  poolEigenvalues,
  type FarmsWindow,
} from '../../extension/spectral/farms/farms';
import { extractMatrix, layersOf, type LayerGeometry } from '../../extension/spectral/matrices';

/** WeightWatcher, AlphaPruning and FARMS scale the slices of a convolution by √0.5. */
const CONV_NORM = 0.5;

export interface LayerMatrices {
  layer: LayerGeometry;
  matrices: Float64Array[];
}

/** λ ascending of a rows×cols matrix. */
export function eigenvaluesOf(matrix: Float64Array, rows: number, cols: number): Float64Array {
  const { matrix: product, n } = gram(matrix, rows, cols);
  return symmetricEigenvalues(product, n).map((value) => Math.max(0, value));
}

export async function layerMatrices(checkpoint: Checkpoint, tensor: TensorInfo): Promise<LayerMatrices[]> {
  const { layers } = layersOf(tensor);
  if (layers.length === 0) return [];
  const elements = widen(await checkpoint.read(tensor), tensor.dtype);
  return layers.map((layer) => ({
    layer,
    matrices: Array.from({ length: layer.count }, (_, index) =>
      extractMatrix(elements, tensor.shape, tensor.kernelLayout, layer, index),
    ),
  }));
}

/** Pooled λ ascending, `conv_norm` included. */
export function layerEigenvalues({ layer, matrices }: LayerMatrices): Float64Array {
  const pooled = poolEigenvalues(matrices.map((matrix) => eigenvaluesOf(matrix, layer.rows, layer.cols)));
  return layer.kind === 'conv' ? pooled.map((value) => CONV_NORM * value) : pooled;
}

/** FARMS fits, each set of windows taken once however many rules are asked of it. */
export class FarmsFits {
  private readonly spectra = new Map<string, { blocks: Float64Array[]; side: number; windows: number }>();

  constructor(private readonly source: LayerMatrices) {}

  fit(settings: Pick<InspectSettings['farms'], 'rows' | 'q' | 'ops'>, rule: FitRule): PowerLawFit {
    const key = JSON.stringify([settings.rows, settings.q, settings.ops]);
    let found = this.spectra.get(key);
    if (!found) this.spectra.set(key, (found = this.blocks(settings)));
    const { blocks, side } = found;
    return this.source.layer.kind === 'conv'
      ? fitFarmsBlocks(blocks, rule, side)
      : fitFarmsWindows(blocks[0]!, rule, side);
  }

  private blocks(settings: Pick<InspectSettings['farms'], 'rows' | 'q' | 'ops'>): {
    blocks: Float64Array[];
    side: number;
    windows: number;
  } {
    const { layer, matrices } = this.source;
    const isConv = layer.kind === 'conv';
    const { windows, window } = isConv
      ? farmsConvBlocks(layer.rows, layer.cols, settings.q)
      : farmsWindows(layer.rows, layer.cols, settings);
    const spectrum = (part: FarmsWindow): Float64Array =>
      poolEigenvalues(matrices.map((matrix) => eigenvaluesOf(cut(matrix, layer.cols, part), part.rows, part.cols)));
    const spectra = windows.map(spectrum);
    const blocks = isConv
      ? spectra.map((block) => block.map((value) => CONV_NORM * value))
      : [poolEigenvalues(spectra)];
    return { blocks, side: Math.min(...window), windows: windows.length };
  }
}

/** A window of a row-major matrix. */
export function cut(matrix: Float64Array, cols: number, window: FarmsWindow): Float64Array {
  const part = new Float64Array(window.rows * window.cols);
  for (let row = 0; row < window.rows; row++) {
    const start = (window.row + row) * cols + window.col;
    part.set(matrix.subarray(start, start + window.cols), row * window.cols);
  }
  return part;
}
