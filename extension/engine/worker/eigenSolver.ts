/** Eigenvalues by a worker thread's own kernels, as long as nobody cancels. */
import { smallerSideEigenvalues } from '../../linalg/singular/smallerSide';
import { bandEigenvalues } from '../../linalg/eigen/bandEigenvalues';
import type { BandMatrix } from '../../linalg/kernels/bandMatrix';
import { symmetricEigenvalues } from '../../linalg/eigen/symmetricEigenvalues';
import { gram, withoutNegatives } from '../../linalg/gram/gram';
import type { Kernels } from '../../linalg/kernels/kernels';
import type { Progress } from './workerCalls';

export class EigenSolver {
  constructor(
    readonly kernels: Kernels,
    readonly cancelled: () => boolean,
  ) {}

  /** @throws DOMException `AbortError` */
  throwIfCancelled(): void {
    if (this.cancelled()) throw new DOMException('The layer was cancelled', 'AbortError');
  }

  /** Ascending λ of a Gram matrix of order n, which is destroyed. @throws DOMException `AbortError` */
  ofGram(matrix: Float64Array, n: number, onProgress?: Progress): Float64Array {
    const { kernels, cancelled } = this;
    return withoutNegatives(symmetricEigenvalues(matrix, n, { kernels, cancelled, onProgress }));
  }

  /** Ascending λ of a Gram matrix in band form. @throws DOMException `AbortError` */
  ofBandMatrix(bandMatrix: BandMatrix, onProgress?: Progress): Float64Array {
    const { kernels, cancelled } = this;
    return withoutNegatives(bandEigenvalues(bandMatrix, { kernels, cancelled, onProgress }));
  }

  /** Ascending squared singular values of a row-major matrix. @throws DOMException `AbortError` */
  ofMatrix(x: Float64Array, rows: number, cols: number, onProgress?: Progress): Float64Array {
    const { kernels, cancelled } = this;
    if (!kernels.host) return this.ofGram(gram(x, rows, cols, kernels).matrix, Math.min(rows, cols), onProgress);
    return withoutNegatives(smallerSideEigenvalues({ w: x, rows, cols, kernels }, { cancelled, onProgress }));
  }
}
