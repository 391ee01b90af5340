/**
 * The spectrum of one large matrix: its Gram matrix and the reduction of that to band form, which are nearly all products,
 * on a device or on onnxruntime's CPU (which live on the main thread only); the rest in the layer's worker.
 */
import { reduceToBandMatrix } from '../../linalg/eigen/bandReduction';
import type { BandMatrix } from '../../linalg/kernels/bandMatrix';
import { DeviceError, type GramDevice } from '../../linalg/devices/gramDevice';
import { CheckedGram } from '../../linalg/gram/gramCheck';
import { gramByProducts, type GramSum } from '../../linalg/gram/gramSum';
import type { SymmetricSlabs } from '../../linalg/gram/symmetricSlabs';
import { loadKernels } from '../../linalg/kernels/loadKernels';
import type { MatrixProducts } from '../../linalg/products/productTypes';
import { reasonOf, type Devices } from '../resources/devices';
import type { Remote } from '../worker/remote';
import type { LastStage, StreamedMatrix } from '../worker/workerCalls';
import { addColumns, type Columns } from './addColumns';
import { eigenvalueCost, REDUCTION_SHARE, type LayerProgress } from './layerProgress';

export interface Processors {
  /** Loaded with the first layer that is large enough to gain from them. */
  products: () => Promise<MatrixProducts>;
  devices: Pick<Devices, 'forOrder' | 'lost'>;
}

/** A stage of a layer that takes the eigenvalues of its matrix. */
interface Unsolved extends Pick<Remote<StreamedMatrix>, 'eigenvalues'> {
  readonly stage: 'matrix' | 'matrices';
}

/** The columns of a matrix whose elements may turn out not to be finite. */
export interface LayerColumns<Matrix extends Unsolved> extends Columns {
  /** Asked when all columns were taken: what takes the eigenvalues, or the end where they held NaN or Inf. */
  counted: () => Promise<Matrix | Remote<LastStage>>;
}

/** Collects what a layer's spectra were made by. */
interface MadeBy {
  readonly precisions: Set<string>;
  readonly notes: Set<string>;
}

export class ProductSpectrum {
  /**
   * @param chunkBytes of the columns that are multiplied at once, in float64
   * @param cost of the matrix's Gram matrix, by `gramCost`
   */
  constructor(
    private readonly context: Processors & { signal: AbortSignal },
    private readonly chunkBytes: number,
    private readonly cost: number,
    private readonly progress: LayerProgress,
    private readonly madeBy: MadeBy,
  ) {}

  /**
   * Sets the eigenvalues of one matrix, by way of its Gram matrix: the device's where there is one and its result is exact
   * enough, else the CPU's.
   *
   * @returns the layer's stage, which has the eigenvalues unless it is the last one
   * @throws what the columns throw, AbortError
   */
  async spectrum<Matrix extends Unsolved>(columns: LayerColumns<Matrix>): Promise<Matrix | Remote<LastStage>> {
    const device = await this.context.devices.forOrder(columns.side);
    if (device) {
      const answer = await this.deviceSpectrum(device, columns);
      if (!('refused' in answer)) return answer.counted;
      this.madeBy.notes.add(`computed on the CPU instead of ${device.provider}: ${answer.refused}`);
    }
    const products = await this.context.products();
    const gram = gramByProducts(products, columns.side);
    await this.addAll(gram, columns);
    this.progress.finish(this.cost);
    const counted = await columns.counted();
    if (counted.stage === 'last') return counted;
    await this.eigenvalues(counted, await gram.finish());
    this.madeBy.precisions.add(`${products.device.precision} ${products.device.provider}`);
    return counted;
  }

  /** @returns as `spectrum`, or why the device's result cannot be used */
  private async deviceSpectrum<Matrix extends Unsolved>(
    device: GramDevice,
    columns: LayerColumns<Matrix>,
  ): Promise<{ counted: Matrix | Remote<LastStage> } | { refused: string }> {
    const { signal, devices } = this.context;
    const checked = new CheckedGram(device.begin(columns.side), await this.context.products(), columns.side);
    let counted;
    let answer;
    try {
      await this.addAll(checked, columns);
      counted = await columns.counted();
      if (counted.stage === 'last') return { counted };
      answer = await checked.finish(signal);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      await devices.lost(device, error);
      return { refused: reasonOf(error) };
    }
    this.progress.finish(this.cost);
    const problem = await this.eigenvalues(counted, answer.gram, answer.errorBound);
    if (problem !== null) {
      this.progress.finish(-this.cost - eigenvalueCost(columns.side)); // to be done again
      return { refused: problem };
    }
    this.madeBy.precisions.add(`${device.precision} ${device.provider}`);
    return { counted };
  }

  /** @returns null, or why the worker refused them */
  private async eigenvalues(matrix: Unsolved, gram: SymmetricSlabs, errorBound?: number): Promise<string | null> {
    const { progress } = this;
    const cost = eigenvalueCost(gram.n);
    const bandMatrix = await this.reduce(gram, progress.within('eigenvalues', cost * REDUCTION_SHARE));
    progress.finish(cost * REDUCTION_SHARE);
    const onProgress = progress.within('eigenvalues', cost * (1 - REDUCTION_SHARE));
    const call = { bandMatrix, ...(errorBound !== undefined && { errorBound }) };
    const problem = await matrix.eigenvalues(call, { transfer: [bandMatrix.rows.buffer], onProgress });
    progress.finish(cost * (1 - REDUCTION_SHARE));
    return problem;
  }

  private async reduce(gram: SymmetricSlabs, onProgress: (fraction: number) => void): Promise<BandMatrix> {
    const { products, signal } = this.context;
    return reduceToBandMatrix(gram, { products: await products(), kernels: loadKernels(), signal, onProgress });
  }

  private addAll(gram: Pick<GramSum, 'add'>, columns: Columns): Promise<void> {
    const { chunkBytes } = this;
    const onProgress = this.progress.within('products', this.cost);
    return addColumns(gram, columns, { chunkBytes, signal: this.context.signal, onProgress });
  }
}
