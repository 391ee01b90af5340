/**
 * One layer (or one tensor without a spectrum) in a worker thread: holds its bytes, cuts matrices and windows out of
 * them, turns Gram matrices into eigenvalues, and ends in a `LayerOutcome`. Knows nothing of threads or files.
 */
import { elementSize, widen } from '../checkpoint/dtype';
import { compressionMatrix } from '../compression/compressionMatrix';
import { bandEigenvalues } from '../linalg/bandEigenvalues';
import type { Band } from '../linalg/bandReduction';
import { gram } from '../linalg/gram';
import type { Kernels } from '../linalg/kernels';
import { symmetricEigenvalues } from '../linalg/symmetricEigenvalues';
import type { FarmsResult, FitRule } from '../protocol';
import { bootstrapInterval } from '../spectral/bootstrap';
import { farmsConvBlocks, fitFarmsBlocks, fitFarmsWindows, poolEigenvalues, type FarmsWindow } from '../spectral/farms';
import { extractMatrix, type LayerGeometry } from '../spectral/matrices';
import { hasRepresentableSquares, StatisticsAccumulator } from '../spectral/statistics';
import { layerResult } from './layerResult';
import type { FarmsEstimate, LayerOutcome, LayerTask } from './workerMessages';

/** WeightWatcher, AlphaPruning and FARMS scale conv slices by √0.5, so λ is halved (`conv_norm`). */
const CONV_NORM = 0.5;

/** Held bytes are widened piece by piece, so that the float64 copy of a large tensor never exists whole. */
const PIECE_ELEMENTS = 1 << 20;

/** Of the bootstrap over windows; shown with the result. */
const BOOTSTRAP_SEED = 20250606;

type Progress = (fraction: number) => void;

export class LayerSession {
  private readonly statistics = new StatisticsAccumulator();
  /** Ascending λ of each matrix as stored (no `conv_norm`). */
  private readonly spectraByMatrix: Float64Array[] = [];
  private readonly windowSpectra: Float64Array[] = [];
  private farmsEigenvalues: Float64Array = new Float64Array(0);
  private farmsResult: FarmsResult | null = null;
  private widened: Float64Array | undefined;

  constructor(
    private readonly task: LayerTask,
    private readonly kernels: Kernels,
    private readonly cancelled: () => boolean,
    private readonly bytes: Uint8Array | undefined,
  ) {
    if (!bytes) return;
    const { dtype } = task.tensor;
    const size = elementSize(dtype);
    for (let start = 0; start < bytes.length; start += PIECE_ELEMENTS * size) {
      this.statistics.add(widen(bytes.subarray(start, start + PIECE_ELEMENTS * size), dtype));
    }
  }

  /** Widens and counts the next rows of a streamed tensor; turned (cols × rows), or empty unless they are to be kept. */
  addRows(bytes: Uint8Array, keep: boolean): Float64Array {
    const elements = widen(bytes, this.task.tensor.dtype);
    this.statistics.add(elements);
    if (!keep) return new Float64Array(0);
    const { cols } = this.layer();
    return this.kernels.transpose(elements, elements.length / cols, cols);
  }

  /** True where the elements seen so far are finite, and their squares within the range of a double. */
  hasSpectrum(): boolean {
    const statistics = this.statistics.result();
    return statistics.nan + statistics.inf === 0 && hasRepresentableSquares(statistics);
  }

  /** Columns [start, end) of a held matrix, turned where it is tall: its smaller side × (end − start). */
  columns(matrix: number, start: number, end: number): Float64Array {
    const layer = this.layer();
    const { rows, cols } = layer;
    const tall = rows > cols;
    const part = tall
      ? { row: start, col: 0, rows: end - start, cols }
      : { row: 0, col: start, rows, cols: end - start };
    const elements =
      layer.kind === 'conv' ? cutWindow(this.matrix(layer, matrix), cols, part) : this.cut(this.held(), cols, part);
    return tall ? this.kernels.transpose(elements, part.rows, part.cols) : elements;
  }

  /** Eigenvalues of every held matrix by this thread's kernels. */
  spectra(onProgress: Progress): void {
    const layer = this.layer();
    for (let index = 0; index < layer.count; index++) {
      const share = (fraction: number): void => onProgress((index + fraction) / layer.count);
      this.spectraByMatrix.push(this.singular(this.matrix(layer, index), layer.rows, layer.cols, share));
    }
  }

  addBand(band: Band, onProgress: Progress): void {
    this.spectraByMatrix.push(this.bandEigenvalues(band, onProgress));
  }

  /** FARMS of a convolution: blocks, each pooled over all kernel positions. */
  convFarms(onProgress: Progress): void {
    const layer = this.layer();
    const { farms } = this.task.settings;
    const { windows, window } = farmsConvBlocks(layer.rows, layer.cols, farms.q);
    const matrices = Array.from({ length: layer.count }, (_, index) => this.matrix(layer, index));
    const blocks = windows.map((block, index) => {
      const spectra = matrices.map((matrix) => {
        const elements = cutWindow(matrix, layer.cols, block);
        return this.singular(elements, block.rows, block.cols, () => undefined).map((value) => value * CONV_NORM);
      });
      onProgress((index + 1) / windows.length);
      return poolEigenvalues(spectra);
    });
    this.farmsEigenvalues = blocks.length === 1 ? blocks[0]! : new Float64Array(0);
    const fit = fitFarmsBlocks(blocks, farms.fit, Math.min(...window));
    this.farmsResult = { ...fit, ...this.farmsFrame('full', blocks.length, window), windows: blocks.length };
  }

  /** A window's elements, turned where it is tall: its smaller side × its larger. */
  window(window: FarmsWindow, rows: Uint8Array | undefined): Float64Array {
    const elements = this.cutWindow(window, rows);
    const tall = window.rows > window.cols;
    return tall ? this.kernels.transpose(elements, window.rows, window.cols) : elements;
  }

  windowSpectrum(window: FarmsWindow, rows: Uint8Array | undefined, estimate: boolean): FarmsEstimate {
    const elements = this.cutWindow(window, rows);
    return this.addWindow(
      this.singular(elements, window.rows, window.cols, () => undefined),
      estimate,
    );
  }

  addWindowBand(band: Band, estimate: boolean): FarmsEstimate {
    return this.addWindow(
      this.bandEigenvalues(band, () => undefined),
      estimate,
    );
  }

  private addWindow(eigenvalues: Float64Array, estimate: boolean): FarmsEstimate {
    this.windowSpectra.push(eigenvalues);
    if (!estimate) return { alpha: null, interval: null };
    const { fit } = this.task.settings.farms;
    const { alpha } = fitFarmsWindows(poolEigenvalues(this.windowSpectra), fit, eigenvalues.length);
    if (alpha === null) return { alpha: null, interval: null };
    return { alpha, interval: this.interval(fit) };
  }

  private cutWindow(window: FarmsWindow, rows: Uint8Array | undefined): Float64Array {
    const { cols } = this.layer();
    return rows ? this.cut(rows, cols, { ...window, row: 0 }) : this.cut(this.held(), cols, window);
  }

  finishFarms(mode: 'full' | 'adaptive', total: number, window: [number, number]): void {
    const { fit: rule } = this.task.settings.farms;
    const side = Math.min(...window);
    this.farmsEigenvalues = poolEigenvalues(this.windowSpectra);
    const fit = fitFarmsWindows(this.farmsEigenvalues, rule, side);
    const interval = mode === 'adaptive' && fit.status === 'success' ? this.interval(rule) : null;
    this.farmsResult = {
      ...fit,
      ...this.farmsFrame(mode, total, window),
      windows: this.windowSpectra.length,
      ...(interval && { interval, seed: BOOTSTRAP_SEED }),
    };
  }

  /** Null where too few windows could be fitted to say how sure alpha is. */
  private interval(rule: FitRule): [number, number] | null {
    const interval = bootstrapInterval(this.windowSpectra, rule, BOOTSTRAP_SEED);
    return interval.every(Number.isFinite) ? interval : null;
  }

  private farmsFrame(
    mode: 'full' | 'adaptive',
    total: number,
    window: [number, number],
  ): Omit<FarmsResult, 'windows' | keyof ReturnType<typeof fitFarmsWindows>> {
    const { rows, q, ops } = this.task.settings.farms;
    return { mode, windows_total: total, window, num_row_samples: rows, Q_ratio: q, sampling_ops_per_dim: ops };
  }

  /** Everything that is known; the session is over. */
  outcome(): LayerOutcome {
    const { layer } = this.task;
    const norm = layer?.kind === 'conv' ? CONV_NORM : 1;
    const eigenvalues = poolEigenvalues(this.spectraByMatrix).map((value) => value * norm);
    const rankEigenvalues = eigenvalues.length > 0 ? this.rankEigenvalues() : new Float64Array(0);
    const statistics = this.statistics.result();
    return {
      result: layerResult(this.task, { eigenvalues, rankEigenvalues, statistics, farms: this.farmsResult }),
      eigenvalues,
      farmsEigenvalues: this.farmsEigenvalues,
      rankEigenvalues,
    };
  }

  /** λ of the matrix that compression factors: another one than the ESD's only for convolutions. */
  private rankEigenvalues(): Float64Array {
    const layer = this.layer();
    if (layer.count === 1) return this.spectraByMatrix[0]!;
    const { shape, kernelLayout } = this.task.tensor;
    const { rows, cols } = compressionMatrix(shape, kernelLayout);
    return this.singular(this.elements(), rows, cols, () => undefined);
  }

  /** Ascending squared singular values of a row-major matrix. */
  private singular(x: Float64Array, rows: number, cols: number, onProgress: Progress): Float64Array {
    const { matrix, n } = gram(x, rows, cols, this.kernels);
    return this.eigenvalues(matrix, n, onProgress);
  }

  private eigenvalues(matrix: Float64Array, n: number, onProgress: Progress): Float64Array {
    const { kernels, cancelled } = this;
    return withoutNegatives(symmetricEigenvalues(matrix, n, { kernels, cancelled, onProgress }));
  }

  private bandEigenvalues(band: Band, onProgress: Progress): Float64Array {
    const { kernels, cancelled } = this;
    return withoutNegatives(bandEigenvalues(band, { kernels, cancelled, onProgress }));
  }

  private layer(): LayerGeometry {
    if (!this.task.layer) throw new Error(`${this.task.tensor.name} has no spectrum`);
    return this.task.layer;
  }

  private held(): Uint8Array {
    if (!this.bytes) throw new Error(`the bytes of ${this.task.tensor.name} are not held`);
    return this.bytes;
  }

  private elements(): Float64Array {
    return (this.widened ??= widen(this.held(), this.task.tensor.dtype));
  }

  private matrix(layer: LayerGeometry, index: number): Float64Array {
    return extractMatrix(this.elements(), this.task.tensor.shape, this.task.tensor.kernelLayout, layer, index);
  }

  /** Part of a stored row-major matrix with `cols` columns, widened row by row. */
  private cut(bytes: Uint8Array, cols: number, part: FarmsWindow): Float64Array {
    const { dtype } = this.task.tensor;
    const size = elementSize(dtype);
    const out = new Float64Array(part.rows * part.cols);
    for (let i = 0; i < part.rows; i++) {
      const start = ((part.row + i) * cols + part.col) * size;
      const stored = bytes.subarray(start, start + part.cols * size);
      widen(stored, dtype, out.subarray(i * part.cols, (i + 1) * part.cols));
    }
    return out;
  }
}

/** Rounding may leave a zero eigenvalue of a Gram matrix slightly negative: it is a zero. */
function withoutNegatives(eigenvalues: Float64Array): Float64Array {
  return eigenvalues.map((value) => Math.max(0, value));
}

function cutWindow(matrix: Float64Array, cols: number, { row, col, rows, cols: width }: FarmsWindow): Float64Array {
  const out = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const start = (row + i) * cols + col;
    out.set(matrix.subarray(start, start + width), i * width);
  }
  return out;
}
