/** The matrices of a layer whose bytes a worker holds: cut out of them, multiplied, shuffled. */
import { elementSize } from '../../checkpoint/elements/dtype';
import { compressionMatrix } from '../../compression/compressionMatrix';
import { withExactZeros } from '../../shared/numericalZero';
import { isConditionUncertain, uncertainBelow } from '../../linalg/gram/precisionPolicy';
import { deflatedEigenvalues } from '../../linalg/singular/deflation';
import { shuffleEntries } from '../../spectral/bulk/randomisation';
import type { FarmsWindow } from '../../spectral/farms/farms';
import { entryPlaces, extractMatrix } from '../../spectral/matrices';
import type { EigenSolver } from './eigenSolver';
import { cutWindow, widenElements, widenPart } from './widenElements';
import type { LayerTask } from './layerRecords';
import type { Progress } from './workerCalls';
import { transpose } from '../../linalg/kernels/transpose';

/** A long matrix is multiplied in bands of so many elements. */
export const BAND_ELEMENTS = 1 << 20;

export class HeldLayer {
  /** All elements in float64, made when first needed. */
  private widened: Float64Array | undefined;

  constructor(
    readonly task: LayerTask,
    readonly solver: EigenSolver,
    private bytes: Uint8Array,
  ) {}

  /** Row-major elements of one matrix. */
  matrix(index: number): Float64Array {
    const { tensor, layer } = this.task;
    return extractMatrix(this.elements(), tensor.shape, tensor.kernelLayout, layer, index);
  }

  /** Columns [start, end) of a matrix, turned where it is tall: its smaller side × (end − start). */
  columns(matrix: number, start: number, end: number, into?: Float64Array): Float64Array {
    const { layer, tensor } = this.task;
    const { rows, cols } = layer;
    const tall = rows > cols;
    const part = tall
      ? { row: start, col: 0, rows: end - start, cols }
      : { row: 0, col: start, rows, cols: end - start };
    if (layer.kind !== 'conv') return widenPart(this.bytes, tensor.dtype, cols, part, tall, into);
    const elements = cutWindow(this.matrix(matrix), cols, part);
    return tall ? transpose(elements, part.rows, part.cols) : elements;
  }

  /** Elements of a part of the only matrix, row-major, or of its transpose. */
  part(part: FarmsWindow, turned: boolean, into?: Float64Array): Float64Array {
    const { tensor, layer } = this.task;
    return widenPart(this.bytes, tensor.dtype, layer.cols, part, turned, into);
  }

  /** Ascending λ of every matrix. */
  eigenvalues(onProgress: Progress): Float64Array[] {
    const { layer } = this.task;
    const { solver } = this;
    const { rows, cols, count } = layer;
    return Array.from({ length: count }, (_, index) => {
      const share = (fraction: number): void => onProgress((index + fraction) / count);
      return layer.kind === 'conv'
        ? solver.ofMatrix(this.matrix(index), rows, cols, share)
        : solver.ofGram(this.gramInBands(), Math.min(rows, cols), share);
    });
  }

  /**
   * The same eigenvalues, with small ones computed anew if a Gram matrix in float64 blurs them, which is rare among
   * weights.
   */
  resolved(spectra: readonly Float64Array[]): Float64Array[] {
    const { rows, cols, kind } = this.task.layer;
    const { kernels, cancelled } = this.solver;
    return spectra.map((eigenvalues, index) => {
      if (uncertainBelow(eigenvalues) === undefined && !isConditionUncertain(eigenvalues)) return eigenvalues;
      const x = kind === 'conv' ? this.matrix(index).slice() : this.part({ row: 0, col: 0, rows, cols }, false);
      return deflatedEigenvalues(x, rows, cols, eigenvalues, { kernels, cancelled });
    });
  }

  /** λ of the matrix that compression factors: another one than the ESD's only for convolutions. */
  rankEigenvalues(spectra: readonly Float64Array[]): Float64Array {
    if (this.task.layer.count === 1) return withExactZeros(spectra[0]!);
    const { shape, kernelLayout } = this.task.tensor;
    const { rows, cols } = compressionMatrix(shape, kernelLayout);
    return withExactZeros(this.solver.ofMatrix(this.elements(), rows, cols));
  }

  /** Permutes the entries of every matrix among themselves. @param seed of their order */
  shuffle(seed: number): void {
    const { tensor, layer } = this.task;
    const matrices = Array.from({ length: layer.count }, (_, index) => entryPlaces(tensor.kernelLayout, layer, index));
    const check = (): void => this.solver.throwIfCancelled();
    this.bytes = shuffleEntries(this.bytes, elementSize(tensor.dtype), matrices, seed, check);
    this.widened = undefined;
  }

  private elements(): Float64Array {
    return (this.widened ??= widenElements(this.bytes, this.task.tensor.dtype));
  }

  /** The Gram matrix of the smaller side; a long matrix never exists whole in float64. */
  private gramInBands(): Float64Array {
    const { rows, cols } = this.task.layer;
    const tall = rows >= cols;
    const [side, long] = tall ? [cols, rows] : [rows, cols];
    const step = Math.max(1, Math.floor(BAND_ELEMENTS / side));
    const sum = new Float64Array(side * side);
    for (let start = 0; start < long; start += step) {
      this.solver.throwIfCancelled();
      const count = Math.min(step, long - start);
      const part = tall ? { row: start, col: 0, rows: count, cols } : { row: 0, col: start, rows, cols: count };
      const product = this.solver.kernels.gram(this.part(part, false), part.rows, part.cols, tall ? 'columns' : 'rows');
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + product[i]!;
    }
    return sum;
  }
}
