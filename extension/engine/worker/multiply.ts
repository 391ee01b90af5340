/** A layer stored as two thin factors, in a worker: its statistics and spectrum, the product never in memory whole. */
import { withExactZeros } from '../../shared/numericalZero';
import { productEigenvalues } from '../../linalg/singular/productEigenvalues';
import type { EigenSolver } from './eigenSolver';
import { cutWindow, widenElements } from './widenElements';
import { BAND_ELEMENTS } from './heldLayer';
import { FinishedLayer, NO_SPECTRA } from './layerOutcome';
import type { StoredFactor } from './layerRecords';
import { TensorCount } from './tensorCount';
import type { LastStage, Progress, WorkerCalls } from './workerCalls';
import { transpose } from '../../linalg/kernels/transpose';

/**
 * Statistics and spectra of scale · L·R: of each kernel position, and of the whole where that is another matrix. Elements
 * are counted as they are read, in float32.
 *
 * @throws DOMException `AbortError`
 */
export function multiply(
  { task, left, right, rank, scale }: Parameters<WorkerCalls['multiply']>[0],
  solver: EigenSolver,
  onProgress: Progress,
): LastStage {
  const { rows, cols, count } = task.layer;
  const { kernels, cancelled } = solver;
  const statistics = new TensorCount(task, () => solver.throwIfCancelled());
  const width = cols * count;
  // rank × rows and rank × width.
  const l = vectorsOf(left, left.transposed ? undefined : { from: rows, to: rank });
  const r = vectorsOf(right, right.transposed ? { from: width, to: rank } : undefined);
  for (let i = 0; i < l.length; i++) l[i] = l[i]! * scale;
  const step = Math.max(1, Math.floor(BAND_ELEMENTS / width));
  for (let start = 0; start < rows; start += step) {
    solver.throwIfCancelled();
    const height = Math.min(step, rows - start);
    const band = cutWindow(l, rows, { row: 0, col: start, rows: rank, cols: height });
    const elements = kernels.multiply(band, r, height, width, rank, true, false);
    statistics.add(Float64Array.from(Float32Array.from(elements)));
    onProgress(start / rows);
  }
  if (!statistics.hasSpectrum()) return new FinishedLayer(task, statistics, NO_SPECTRA);
  const eigenvalues = (vectors: Float64Array, n: number): Float64Array =>
    productEigenvalues({ vectors: l.slice(), n: rows }, { vectors, n }, rank, { kernels, cancelled });
  const spectra = Array.from({ length: count }, (_, position) => {
    const vectors = Float64Array.from({ length: rank * cols }, (__, at) => r[at * count + position]!);
    return eigenvalues(vectors, cols);
  });
  const whole = count > 1 ? eigenvalues(r, width) : spectra[0]!;
  return new FinishedLayer(task, statistics, { spectra, rankEigenvalues: withExactZeros(whole), resolved: true });
}

/** A factor's directions as rows of float64; `turn` where they are stored as columns. */
function vectorsOf({ bytes, dtype }: StoredFactor, turn: { from: number; to: number } | undefined): Float64Array {
  const elements = widenElements(bytes, dtype);
  return turn ? transpose(elements, turn.from, turn.to) : elements;
}
