/** The end of a layer in a worker: from the spectra of its matrices to its `LayerOutcome`. */
import { compressionMatrix } from '../../compression/compressionMatrix';
import { uncertainBelow } from '../../linalg/gram/precisionPolicy';
import type { FarmsResult } from '../../shared/layers';
import { poolEigenvalues } from '../../spectral/farms/farms';
import { CONV_NORM, layerResult } from './layerResult';
import type { LayerOutcome, LayerPrecision, LayerTask, TensorTask } from './layerRecords';
import { Stage } from './stage';
import type { TensorCount } from './tensorCount';
import type { LastStage } from './workerCalls';

/** FARMS of a layer, and the eigenvalues that its fit is of. */
export interface LayerFarms {
  result: FarmsResult;
  /** Ascending. */
  eigenvalues: Float64Array;
}

export interface LayerSpectra {
  /** Ascending λ of each matrix as stored, without `conv_norm`. */
  spectra: readonly Float64Array[];
  /** Ascending λ of the matrix that ranks are about. */
  rankEigenvalues: Float64Array;
  /** The small eigenvalues are as exact as the policy asks. */
  resolved: boolean;
  farms?: LayerFarms | undefined;
  /** As `spectra`, of the matrices with their entries permuted, for each shuffle. */
  shuffled?: readonly (readonly Float64Array[])[];
}

export const NO_SPECTRA: LayerSpectra = { spectra: [], rankEigenvalues: new Float64Array(0), resolved: false };

/** The spectra of a layer whose elements are all zero, without computing. */
export function zeroSpectra({ tensor, layer }: LayerTask): LayerSpectra {
  const none = (sides: { rows: number; cols: number }): Float64Array =>
    new Float64Array(Math.min(sides.rows, sides.cols));
  const { shape, kernelLayout } = tensor;
  const spectra = Array.from({ length: layer.count }, () => none(layer));
  return { spectra, rankEigenvalues: none(compressionMatrix(shape, kernelLayout, layer.expert)), resolved: true };
}

export function layerOutcome(
  task: TensorTask,
  count: TensorCount,
  known: LayerSpectra,
  precision: LayerPrecision,
): LayerOutcome {
  const norm = task.layer?.kind === 'conv' ? CONV_NORM : 1;
  const pooled = (spectra: readonly Float64Array[]): Float64Array =>
    poolEigenvalues(spectra).map((value) => value * norm);
  const { spectra, rankEigenvalues, resolved, farms, shuffled } = known;
  const eigenvalues = pooled(spectra);
  const randomised = shuffled?.map(pooled);
  const numbers = {
    ...{ eigenvalues, rankEigenvalues, resolved },
    ...{ statistics: count.result(), farms: farms?.result ?? null },
    precision: resolved ? precision : withUncertainty(precision, spectra),
    ...(randomised && { randomised }),
  };
  return {
    result: layerResult(task, numbers),
    eigenvalues,
    farmsEigenvalues: farms?.eigenvalues ?? new Float64Array(0),
    rankEigenvalues,
    ...(randomised?.[0] && { shuffledEigenvalues: randomised[0] }),
  };
}

/** A layer with everything computed. */
export class FinishedLayer extends Stage implements LastStage {
  readonly stage = 'last';

  constructor(
    private readonly task: TensorTask,
    private readonly count: TensorCount,
    private readonly known: LayerSpectra,
  ) {
    super();
  }

  finish(precision: LayerPrecision): LayerOutcome {
    return layerOutcome(this.task, this.count, this.known, precision);
  }
}

/** Says which eigenvalues are less certain than others, where there are such. */
function withUncertainty(precision: LayerPrecision, spectra: readonly Float64Array[]): LayerPrecision {
  const bound = spectra.reduce((most, spectrum) => Math.max(most, uncertainBelow(spectrum) ?? 0), 0);
  if (bound === 0) return precision;
  const note = `computed by a float64 Gram matrix, in which eigenvalues below ${bound.toPrecision(2)} may be off by more than 1e-6 of themselves`;
  const { precisionNote } = precision;
  return { ...precision, precisionNote: precisionNote === undefined ? note : `${precisionNote}; ${note}` };
}
