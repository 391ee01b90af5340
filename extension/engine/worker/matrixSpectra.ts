/** The spectra of a layer's matrices as they are set, one after the other. */
import type { BandMatrix } from '../../linalg/kernels/bandMatrix';
import { precisionProblem } from '../../linalg/gram/precisionPolicy';
import type { EigenSolver } from './eigenSolver';
import type { LayerTask } from './layerRecords';
import type { Progress } from './workerCalls';

export class MatrixSpectra {
  private readonly spectra: Float64Array[] = [];

  constructor(
    private readonly task: LayerTask,
    private readonly solver: EigenSolver,
  ) {}

  /** As `eigenvalues` of the stages. */
  add(
    { bandMatrix, errorBound }: { bandMatrix: BandMatrix; errorBound?: number },
    onProgress: Progress,
  ): string | null {
    const eigenvalues = this.solver.ofBandMatrix(bandMatrix, onProgress);
    const problem = errorBound === undefined ? undefined : precisionProblem(eigenvalues, errorBound);
    if (problem === undefined) this.spectra.push(eigenvalues);
    return problem ?? null;
  }

  /** Ascending λ of each matrix. @throws Error where one is missing */
  all(): Float64Array[] {
    const { layer } = this.task;
    if (this.spectra.length === layer.count) return this.spectra;
    throw new Error(`${layer.name}: ${this.spectra.length} of ${layer.count} matrices have eigenvalues`);
  }
}
