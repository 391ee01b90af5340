/** FARMS of a layer in a worker: from the spectra of its windows to their fit. */
import type { FarmsResult } from '../../shared/layers';
import { smallestOf } from '../../shared/extremes';
import { farmsConvBlocks, fitFarmsBlocks, fitFarmsWindows, poolEigenvalues } from '../../spectral/farms/farms';
import { estimateAlpha, type FarmsEstimate } from '../../spectral/tail/bootstrap';
import type { EigenSolver } from './eigenSolver';
import { cutWindow, widenPart } from './widenElements';
import type { HeldLayer } from './heldLayer';
import type { LayerFarms } from './layerOutcome';
import type { LayerTask } from './layerRecords';
import { CONV_NORM } from './layerResult';
import { Stage } from './stage';
import type { TensorCount } from './tensorCount';
import type { FarmsCalls, Progress } from './workerCalls';

/** Seed of the bootstrap over windows; shown with the result. */
const BOOTSTRAP_SEED = 20250606;

type CallOf<K extends keyof FarmsCalls<unknown>> = Parameters<FarmsCalls<unknown>[K]>[0];

/** A layer that may go through FARMS. */
export abstract class FarmsStage<Done> extends Stage implements FarmsCalls<Done> {
  readonly stage = 'spectra';

  constructor(
    protected readonly task: LayerTask,
    protected readonly count: TensorCount,
    protected readonly solver: EigenSolver,
    /** Ascending λ of each matrix. */
    protected spectra: readonly Float64Array[],
  ) {
    super();
  }

  /** Elements out of what is held. @throws Error where nothing is */
  protected abstract heldPart(params: CallOf<'part'>): Float64Array;

  protected abstract known(farms?: LayerFarms): Done;

  wholeFarms({ window }: CallOf<'wholeFarms'>): Done {
    return this.finishFarms({ spectra: [this.spectra[0]!], interval: null, total: 1, window });
  }

  part(params: CallOf<'part'>): Float64Array {
    const { part, turned, bytes, into } = params;
    if (!bytes) return this.heldPart(params);
    const { tensor, layer } = this.task;
    return widenPart(bytes, tensor.dtype, layer.cols, { ...part, row: 0 }, turned, into);
  }

  windowSpectrum({ window, bytes }: CallOf<'windowSpectrum'>): Float64Array {
    const elements = this.part({ part: window, turned: false, ...(bytes && { bytes }) });
    return this.solver.ofMatrix(elements, window.rows, window.cols);
  }

  farmsEstimate({ spectra, total, window }: CallOf<'farmsEstimate'>): FarmsEstimate {
    const check = (): void => this.solver.throwIfCancelled();
    const { fit } = this.task.settings.farms;
    return estimateAlpha(spectra, total, fit, BOOTSTRAP_SEED, check, this.count.rounding(window));
  }

  finishFarms({ spectra, interval, total, window }: CallOf<'finishFarms'>): Done {
    const eigenvalues = poolEigenvalues(spectra);
    const rule = this.task.settings.farms.fit;
    const fit = fitFarmsWindows(eigenvalues, rule, smallestOf(window), this.count.rounding(window));
    const result = {
      ...fit,
      ...farmsFrame(this.task, spectra.length === total ? 'full' : 'adaptive', total, window),
      windows: spectra.length,
      ...(interval && { interval, seed: BOOTSTRAP_SEED }),
    };
    return this.known({ result, eigenvalues });
  }
}

/** FARMS of a convolution: blocks, each pooled over all kernel positions. */
export function convFarms(held: HeldLayer, count: TensorCount, onProgress: Progress): LayerFarms {
  const { task, solver } = held;
  const { layer, settings } = task;
  const { windows, window } = farmsConvBlocks(layer.rows, layer.cols, settings.farms.q);
  const matrices = Array.from({ length: layer.count }, (_, index) => held.matrix(index));
  const blocks = windows.map((block, index) => {
    const spectra = matrices.map((matrix) => {
      const elements = cutWindow(matrix, layer.cols, block);
      return solver.ofMatrix(elements, block.rows, block.cols).map((value) => value * CONV_NORM);
    });
    onProgress((index + 1) / windows.length);
    return poolEigenvalues(spectra);
  });
  const fit = fitFarmsBlocks(blocks, settings.farms.fit, smallestOf(window), count.rounding(window));
  return {
    result: { ...fit, ...farmsFrame(task, 'full', blocks.length, window), windows: blocks.length },
    eigenvalues: blocks.length === 1 ? blocks[0]! : new Float64Array(0),
  };
}

function farmsFrame(
  { settings }: LayerTask,
  mode: 'full' | 'adaptive',
  total: number,
  window: [number, number],
): Omit<FarmsResult, 'windows' | keyof ReturnType<typeof fitFarmsWindows>> {
  const { rows, q, ops } = settings.farms;
  return { mode, windows_total: total, window, num_row_samples: rows, Q_ratio: q, sampling_ops_per_dim: ops };
}
