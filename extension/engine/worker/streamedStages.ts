/** The stages of a tensor that is read in bands of rows: a worker never has all of it. */
import { elementSize } from '../../checkpoint/elements/dtype';
import { withExactZeros } from '../../shared/numericalZero';
import type { EigenSolver } from './eigenSolver';
import { widenPart } from './widenElements';
import { FarmsStage } from './layerFarms';
import { FinishedLayer, layerOutcome, NO_SPECTRA, zeroSpectra, type LayerFarms } from './layerOutcome';
import type { LayerOutcome, LayerPrecision, LayerTask, TensorTask } from './layerRecords';
import { MatrixSpectra } from './matrixSpectra';
import { Stage } from './stage';
import { TensorCount } from './tensorCount';
import type { CountedTensor, LastStage, Progress, StreamedMatrix, StreamedRows, StreamedSpectra } from './workerCalls';

type RowsCall = Parameters<StreamedRows['nextRows']>[0];

export function stream(task: LayerTask, solver: EigenSolver): StreamedRows {
  return new CountedRows(task, solver);
}

export function count(task: TensorTask, solver: EigenSolver): CountedTensor {
  return new Counted(task, new TensorCount(task, () => solver.throwIfCancelled()));
}

class CountedRows extends Stage implements StreamedRows {
  readonly stage = 'rows';
  private readonly count: TensorCount;
  /** Rows that were counted: where a device fails half-way, they come again. */
  private rows = 0;

  constructor(
    private readonly task: LayerTask,
    private readonly solver: EigenSolver,
  ) {
    super();
    this.count = new TensorCount(task, () => solver.throwIfCancelled());
  }

  nextRows(call: RowsCall): Float64Array {
    const { start, bytes } = call;
    if (start >= this.rows) {
      this.count.addBytes(bytes);
      this.rows = start + rowsIn(bytes, this.task);
    }
    return turnedRows(call, this.task);
  }

  counted(): StreamedMatrix | LastStage {
    const { task, count, solver } = this;
    return count.hasSpectrum() ? new Matrix(task, count, solver) : new FinishedLayer(task, count, NO_SPECTRA);
  }
}

class Matrix extends Stage implements StreamedMatrix {
  readonly stage = 'matrix';
  private readonly set: MatrixSpectra;

  constructor(
    private readonly task: LayerTask,
    private readonly count: TensorCount,
    private readonly solver: EigenSolver,
  ) {
    super();
    this.set = new MatrixSpectra(task, solver);
  }

  nextRows(call: RowsCall): Float64Array {
    return turnedRows(call, this.task);
  }

  eigenvalues(params: Parameters<StreamedMatrix['eigenvalues']>[0], onProgress: Progress): string | null {
    return this.set.add(params, onProgress);
  }

  solved(): StreamedSpectra | LastStage {
    const { task, count, solver } = this;
    return count.isZero()
      ? new FinishedLayer(task, count, zeroSpectra(task))
      : new Spectra(task, count, solver, this.set.all());
  }
}

class Spectra extends FarmsStage<LastStage> implements StreamedSpectra {
  finish(precision: LayerPrecision): LayerOutcome {
    return this.known().finish(precision);
  }

  protected heldPart(): never {
    throw new Error(`the bytes of ${this.task.tensor.name} are not held`);
  }

  protected known(farms?: LayerFarms): LastStage {
    const { task, count, spectra } = this;
    const rankEigenvalues = withExactZeros(spectra[0]!);
    return new FinishedLayer(task, count, { spectra, rankEigenvalues, resolved: false, farms });
  }
}

class Counted extends Stage implements CountedTensor {
  readonly stage = 'counting';

  constructor(
    private readonly task: TensorTask,
    private readonly count: TensorCount,
  ) {
    super();
  }

  add({ bytes }: { bytes: Uint8Array }): void {
    this.count.addBytes(bytes);
  }

  finish(precision: LayerPrecision): LayerOutcome {
    return layerOutcome(this.task, this.count, NO_SPECTRA, precision);
  }
}

function rowsIn(bytes: Uint8Array, { tensor, layer }: LayerTask): number {
  return bytes.length / (layer.cols * elementSize(tensor.dtype));
}

/** cols × rows. */
function turnedRows({ bytes, into }: RowsCall, task: LayerTask): Float64Array {
  const { cols } = task.layer;
  const part = { row: 0, col: 0, rows: rowsIn(bytes, task), cols };
  return widenPart(bytes, task.tensor.dtype, cols, part, true, into);
}
