/**
 * One layer (or one tensor without a spectrum) in a worker thread: holds its bytes, cuts matrices and windows out of
 * them, turns Gram matrices into eigenvalues, and ends in a `LayerOutcome`. Knows nothing of threads or files.
 */
import { elementSize } from '../../checkpoint/elements/dtype';
import { compressionMatrix } from '../../compression/compressionMatrix';
import { bandEigenvalues } from '../../linalg/eigen/bandEigenvalues';
import { deflatedEigenvalues } from '../../linalg/singular/deflation';
import type { BandMatrix } from '../../linalg/eigen/bandReduction';
import { loadElementKernels } from '../../linalg/kernels/elementKernels';
import { gram, withoutNegatives } from '../../linalg/gram/gram';
import type { Kernels } from '../../linalg/kernels/kernels';
import { withExactZeros } from '../../shared/numericalZero';
import { isConditionUncertain, precisionProblem, uncertainBelow } from '../../linalg/gram/precisionPolicy';
import { productEigenvalues } from '../../linalg/singular/productEigenvalues';
import { symmetricEigenvalues } from '../../linalg/eigen/symmetricEigenvalues';
import type { FarmsResult, StoredRounding } from '../../shared/layers';
import { estimateAlpha, type FarmsEstimate } from '../../spectral/tail/bootstrap';
import {
  farmsConvBlocks,
  fitFarmsBlocks,
  fitFarmsWindows,
  poolEigenvalues,
  type FarmsWindow,
} from '../../spectral/farms/farms';
import { entryPlaces, extractMatrix, type LayerGeometry } from '../../spectral/matrices';
import { shuffleEntries } from '../../spectral/bulk/randomisation';
import { hasRepresentableSquares, StatisticsAccumulator } from '../../spectral/metrics/statistics';
import { widenElements, widenPart } from './widenElements';
import { CONV_NORM, layerResult, roundingOfLayer, SHUFFLE_SEED } from './layerResult';
import type { LayerOutcome, LayerPrecision, LayerTask, StoredFactor } from './workerMessages';
import { smallestOf } from '../../shared/extremes';

/** Held bytes are counted piece by piece: the float64 copy of one stays in the second-level cache. */
const PIECE_ELEMENTS = 1 << 15;

/** Of a long matrix, so many elements are multiplied at a time. */
const BAND_ELEMENTS = 1 << 20;

/** Of the bootstrap over windows; shown with the result. */
const BOOTSTRAP_SEED = 20250606;

type Progress = (fraction: number) => void;

export class LayerSession {
  private readonly statistics = new StatisticsAccumulator(loadElementKernels().moments);
  /** Ascending λ of each matrix as stored (no `conv_norm`); after `shuffle`, of the shuffled ones. */
  private readonly spectraByMatrix: Float64Array[] = [];
  /** What was known of the matrices before `shuffle`. */
  private unshuffled: { spectraByMatrix: Float64Array[]; rankEigenvalues: Float64Array } | undefined;
  /** Spectra of the shuffles before the current one. */
  private readonly earlierShuffles: Float64Array[][] = [];
  private farmsEigenvalues: Float64Array = new Float64Array(0);
  private farmsResult: FarmsResult | null = null;
  /** Of the matrix that ranks are about, where that is not held. */
  private wholeEigenvalues: Float64Array | undefined;
  private widened: Float64Array | undefined;
  /** Whether the small eigenvalues are as exact as the policy asks. */
  private resolved = false;

  /** @throws DOMException `AbortError` when cancelled */
  constructor(
    private readonly task: LayerTask,
    private readonly kernels: Kernels,
    private readonly cancelled: () => boolean,
    private bytes: Uint8Array | undefined,
  ) {
    if (bytes) this.count(bytes);
  }

  private count(bytes: Uint8Array): void {
    const { dtype } = this.task.tensor;
    const size = elementSize(dtype);
    const elements = new Float64Array(Math.min(PIECE_ELEMENTS, bytes.length / size));
    for (let start = 0; start < bytes.length; start += elements.length * size) {
      this.throwIfCancelled();
      const piece = bytes.subarray(start, start + elements.length * size);
      this.statistics.add(widenElements(piece, dtype, elements.subarray(0, piece.length / size)));
    }
  }

  /**
   * Counts the next rows of a streamed tensor unless they were, and widens them, turned (cols × rows); empty unless they
   * are to be kept.
   */
  addRows(bytes: Uint8Array, keep: boolean, again: boolean, into?: Float64Array): Float64Array {
    if (!again) this.count(bytes);
    if (!keep) return new Float64Array(0);
    const { cols } = this.layer();
    const { dtype } = this.task.tensor;
    const rows = bytes.length / (cols * elementSize(dtype));
    return widenPart(bytes, dtype, cols, { row: 0, col: 0, rows, cols }, true, into);
  }

  /** True where the elements seen so far are finite, and their squares within the range of a double. */
  hasSpectrum(): boolean {
    const statistics = this.statistics.result();
    return statistics.nan + statistics.inf === 0 && hasRepresentableSquares(statistics);
  }

  /** Sets the spectra of a layer whose elements are all zero, without computing. @returns false where they are not */
  zeroSpectra(): boolean {
    const { count, zeros } = this.statistics.result();
    if (zeros < count) return false;
    const { rows, cols, count: matrices, expert } = this.layer();
    const { shape, kernelLayout } = this.task.tensor;
    const whole = compressionMatrix(shape, kernelLayout, expert);
    const none = (sides: { rows: number; cols: number }): Float64Array =>
      new Float64Array(Math.min(sides.rows, sides.cols));
    this.spectraByMatrix.length = 0;
    for (let index = 0; index < matrices; index++) this.spectraByMatrix.push(none({ rows, cols }));
    this.wholeEigenvalues = none(whole);
    this.resolved = true;
    return true;
  }

  /** Columns [start, end) of a held matrix, turned where it is tall: its smaller side × (end − start). */
  columns(matrix: number, start: number, end: number, into?: Float64Array): Float64Array {
    const layer = this.layer();
    const { rows, cols } = layer;
    const tall = rows > cols;
    const part = tall
      ? { row: start, col: 0, rows: end - start, cols }
      : { row: 0, col: start, rows, cols: end - start };
    if (layer.kind !== 'conv') return widenPart(this.held(), this.task.tensor.dtype, cols, part, tall, into);
    const elements = cutWindow(this.matrix(layer, matrix), cols, part);
    return tall ? this.kernels.transpose(elements, part.rows, part.cols) : elements;
  }

  /** Eigenvalues of every held matrix by this thread's kernels. */
  spectra(onProgress: Progress): void {
    const layer = this.layer();
    for (let index = 0; index < layer.count; index++) {
      const share = (fraction: number): void => onProgress((index + fraction) / layer.count);
      const gram = layer.kind === 'conv' ? this.gramOf(this.matrix(layer, index), layer) : this.gramInBands(layer);
      this.spectraByMatrix.push(this.eigenvalues(gram, Math.min(layer.rows, layer.cols), share));
    }
  }

  addBandMatrix(bandMatrix: BandMatrix, onProgress: Progress): void {
    this.spectraByMatrix.push(this.bandEigenvalues(bandMatrix, onProgress));
  }

  /** Computes the small eigenvalues of held matrices anew where float64's Gram matrix blurs them: of hardly any weights. */
  resolveSmall(): void {
    const layer = this.layer();
    const { kernels, cancelled } = this;
    for (const [index, eigenvalues] of this.spectraByMatrix.entries()) {
      if (uncertainBelow(eigenvalues) === undefined && !isConditionUncertain(eigenvalues)) continue;
      const { rows, cols } = layer;
      const x =
        layer.kind === 'conv'
          ? this.matrix(layer, index).slice()
          : this.part({ row: 0, col: 0, rows, cols }, false, undefined);
      this.spectraByMatrix[index] = deflatedEigenvalues(x, rows, cols, eigenvalues, { kernels, cancelled });
    }
    this.resolved = true;
  }

  /** Permutes the entries of every held matrix among themselves; the spectra so far are kept apart. */
  shuffle(): void {
    const layer = this.layer();
    if (this.unshuffled) this.earlierShuffles.push(this.spectraByMatrix.splice(0));
    else {
      const rankEigenvalues = this.rankEigenvalues();
      this.unshuffled = { spectraByMatrix: this.spectraByMatrix.splice(0), rankEigenvalues };
    }
    const { dtype, kernelLayout } = this.task.tensor;
    const matrices = Array.from({ length: layer.count }, (_, index) => entryPlaces(kernelLayout, layer, index));
    const seed = SHUFFLE_SEED + this.earlierShuffles.length;
    this.bytes = shuffleEntries(this.held(), elementSize(dtype), matrices, seed, () => this.throwIfCancelled());
    this.widened = undefined;
  }

  /** Drops the latest spectrum where an error of its Gram matrix up to this norm is too much. @returns why, or null */
  accept(errorBound: number): string | null {
    const problem = precisionProblem(this.spectraByMatrix.at(-1)!, errorBound);
    if (problem === undefined) return null;
    this.spectraByMatrix.pop();
    return problem;
  }

  /**
   * Statistics and spectra of scale · L·R: of each kernel position, and of the whole where that is another matrix. Elements
   * are counted as they are read, in float32.
   */
  product(left: StoredFactor, right: StoredFactor, rank: number, scale: number, onProgress: Progress): void {
    const { rows, cols, count } = this.layer();
    const { kernels } = this;
    const width = cols * count;
    // rank × rows and rank × width.
    const l = vectorsOf(left, left.transposed ? undefined : { from: rows, to: rank }, kernels);
    const r = vectorsOf(right, right.transposed ? { from: width, to: rank } : undefined, kernels);
    for (let i = 0; i < l.length; i++) l[i] = l[i]! * scale;
    const step = Math.max(1, Math.floor(BAND_ELEMENTS / width));
    for (let start = 0; start < rows; start += step) {
      this.throwIfCancelled();
      const height = Math.min(step, rows - start);
      const band = cutWindow(l, rows, { row: 0, col: start, rows: rank, cols: height });
      const elements = kernels.multiply(band, r, height, width, rank, true, false);
      this.statistics.add(Float64Array.from(Float32Array.from(elements)));
      onProgress(start / rows);
    }
    if (!this.hasSpectrum()) return;
    const eigenvalues = (vectors: Float64Array, n: number): Float64Array =>
      productEigenvalues({ vectors: l.slice(), n: rows }, { vectors, n }, rank, { kernels, cancelled: this.cancelled });
    for (let position = 0; position < count; position++) {
      const vectors = Float64Array.from({ length: rank * cols }, (_, at) => r[at * count + position]!);
      this.spectraByMatrix.push(eigenvalues(vectors, cols));
    }
    if (count > 1) this.wholeEigenvalues = eigenvalues(r, width);
    this.resolved = true;
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
    const fit = fitFarmsBlocks(blocks, farms.fit, smallestOf(window), this.rounding(window));
    this.farmsResult = { ...fit, ...this.farmsFrame('full', blocks.length, window), windows: blocks.length };
  }

  /** FARMS of a matrix that is its only window: its spectrum is known. */
  wholeFarms(window: [number, number]): void {
    this.finishFarms([this.spectraByMatrix[0]!], null, 1, window);
  }

  /** Elements of a part, row-major, or of its transpose; `bytes` are the part's whole rows where they are not held. */
  part(part: FarmsWindow, turned: boolean, bytes: Uint8Array | undefined, into?: Float64Array): Float64Array {
    const { cols } = this.layer();
    const { dtype } = this.task.tensor;
    return bytes
      ? widenPart(bytes, dtype, cols, { ...part, row: 0 }, turned, into)
      : widenPart(this.held(), dtype, cols, part, turned, into);
  }

  windowSpectrum(window: FarmsWindow, bytes: Uint8Array | undefined): Float64Array {
    return this.singular(this.part(window, false, bytes), window.rows, window.cols, () => undefined);
  }

  farmsEstimate(spectra: readonly Float64Array[], total: number, window: [number, number]): FarmsEstimate {
    const check = (): void => this.throwIfCancelled();
    return estimateAlpha(spectra, total, this.task.settings.farms.fit, BOOTSTRAP_SEED, check, this.rounding(window));
  }

  finishFarms(
    spectra: readonly Float64Array[],
    interval: [number, number] | null,
    total: number,
    window: [number, number],
  ): void {
    this.farmsEigenvalues = poolEigenvalues(spectra);
    const rule = this.task.settings.farms.fit;
    const fit = fitFarmsWindows(this.farmsEigenvalues, rule, smallestOf(window), this.rounding(window));
    this.farmsResult = {
      ...fit,
      ...this.farmsFrame(spectra.length === total ? 'full' : 'adaptive', total, window),
      windows: spectra.length,
      ...(interval && { interval, seed: BOOTSTRAP_SEED }),
    };
  }

  /** What the stored type may have done to the spectrum of a window. */
  private rounding([rows, cols]: [number, number]): StoredRounding {
    return roundingOfLayer(this.task, this.statistics.result(), rows, cols);
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
  outcome(precision: LayerPrecision): LayerOutcome {
    const pooled = (spectra: readonly Float64Array[]): Float64Array => {
      const norm = this.task.layer?.kind === 'conv' ? CONV_NORM : 1;
      return poolEigenvalues(spectra).map((value) => value * norm);
    };
    const { unshuffled } = this;
    const spectra = unshuffled?.spectraByMatrix ?? this.spectraByMatrix;
    const eigenvalues = pooled(spectra);
    const rankEigenvalues = unshuffled?.rankEigenvalues ?? this.rankEigenvalues();
    const numbers = {
      ...{ eigenvalues, rankEigenvalues, statistics: this.statistics.result(), farms: this.farmsResult },
      resolved: this.resolved,
      precision: this.resolved ? precision : withUncertainty(precision, spectra),
      ...(unshuffled && { randomised: [...this.earlierShuffles, this.spectraByMatrix].map(pooled) }),
    };
    return {
      result: layerResult(this.task, numbers),
      eigenvalues,
      farmsEigenvalues: this.farmsEigenvalues,
      rankEigenvalues,
    };
  }

  /** λ of the matrix that compression factors: another one than the ESD's only for convolutions. */
  private rankEigenvalues(): Float64Array {
    if (this.spectraByMatrix.length === 0) return new Float64Array(0);
    if (this.wholeEigenvalues) return withExactZeros(this.wholeEigenvalues);
    const layer = this.layer();
    if (layer.count === 1) return withExactZeros(this.spectraByMatrix[0]!);
    const { shape, kernelLayout } = this.task.tensor;
    const { rows, cols } = compressionMatrix(shape, kernelLayout);
    return withExactZeros(this.singular(this.elements(), rows, cols, () => undefined));
  }

  /** Ascending squared singular values of a row-major matrix. */
  private singular(x: Float64Array, rows: number, cols: number, onProgress: Progress): Float64Array {
    return this.eigenvalues(this.gramOf(x, { rows, cols }), Math.min(rows, cols), onProgress);
  }

  private gramOf(x: Float64Array, { rows, cols }: { rows: number; cols: number }): Float64Array {
    return gram(x, rows, cols, this.kernels).matrix;
  }

  /** Of the smaller side; a long matrix never exists whole in float64. */
  private gramInBands({ rows, cols }: LayerGeometry): Float64Array {
    const { dtype } = this.task.tensor;
    const tall = rows >= cols;
    const [side, long] = tall ? [cols, rows] : [rows, cols];
    const step = Math.max(1, Math.floor(BAND_ELEMENTS / side));
    const sum = new Float64Array(side * side);
    for (let start = 0; start < long; start += step) {
      this.throwIfCancelled();
      const count = Math.min(step, long - start);
      const part = tall ? { row: start, col: 0, rows: count, cols } : { row: 0, col: start, rows, cols: count };
      const band = widenPart(this.held(), dtype, cols, part, false);
      const product = this.kernels.gram(band, part.rows, part.cols, tall ? 'columns' : 'rows');
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + product[i]!;
    }
    return sum;
  }

  /** @throws DOMException `AbortError` */
  private throwIfCancelled(): void {
    if (this.cancelled()) throw new DOMException('The layer was cancelled', 'AbortError');
  }

  private eigenvalues(matrix: Float64Array, n: number, onProgress: Progress): Float64Array {
    const { kernels, cancelled } = this;
    return withoutNegatives(symmetricEigenvalues(matrix, n, { kernels, cancelled, onProgress }));
  }

  private bandEigenvalues(bandMatrix: BandMatrix, onProgress: Progress): Float64Array {
    const { kernels, cancelled } = this;
    return withoutNegatives(bandEigenvalues(bandMatrix, { kernels, cancelled, onProgress }));
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
    return (this.widened ??= widenElements(this.held(), this.task.tensor.dtype));
  }

  private matrix(layer: LayerGeometry, index: number): Float64Array {
    return extractMatrix(this.elements(), this.task.tensor.shape, this.task.tensor.kernelLayout, layer, index);
  }
}

/** A factor's directions as rows of float64; `turn` where they are stored as columns. */
function vectorsOf(
  { bytes, dtype }: StoredFactor,
  turn: { from: number; to: number } | undefined,
  kernels: Kernels,
): Float64Array {
  const elements = widenElements(bytes, dtype);
  return turn ? kernels.transpose(elements, turn.from, turn.to) : elements;
}

/** Says which eigenvalues are less certain than others, where there are such. */
function withUncertainty(precision: LayerPrecision, spectra: readonly Float64Array[]): LayerPrecision {
  const bound = spectra.reduce((most, spectrum) => Math.max(most, uncertainBelow(spectrum) ?? 0), 0);
  if (bound === 0) return precision;
  const note = `computed by a float64 Gram matrix, in which eigenvalues below ${bound.toPrecision(2)} may be off by more than 1e-6 of themselves`;
  const { precisionNote } = precision;
  return { ...precision, precisionNote: precisionNote === undefined ? note : `${precisionNote}; ${note}` };
}

function cutWindow(matrix: Float64Array, cols: number, { row, col, rows, cols: width }: FarmsWindow): Float64Array {
  const out = new Float64Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const start = (row + i) * cols + col;
    out.set(matrix.subarray(start, start + width), i * width);
  }
  return out;
}
