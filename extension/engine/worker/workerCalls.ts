/**
 * What the engine's main thread may ask of a worker thread. Both ends share these interfaces: the worker implements them,
 * the main thread calls them by the same names through `Remote`.
 *
 * `WorkerCalls` may be asked at any time. Five of them open a layer, and every stage of a layer offers only the calls
 * that are legal in it. A call that leads to the next stage returns it; the stage before is then over, and a call to it
 * is refused. A worker has one layer at a time.
 *
 *     hold     ─▶ HeldMatrices ─▶ HeldSpectra ─▶ KnownSpectra ◀─▶ HeldMatrices of shuffled entries
 *     stream   ─▶ StreamedRows ─▶ StreamedMatrix ─▶ StreamedSpectra ─▶ LastStage
 *     count    ─▶ CountedTensor
 *     multiply ─▶ LastStage
 *     look     ─▶ QuickLayer
 *
 * Each way but the last ends with `finish`. Where there is no spectrum to compute, `hold`, `counted` and `solved` lead to `LastStage`.
 */
import type { StoredElements } from '../../compression/layerElements';
import type { LayerInput, StoredForm, StoredLayer } from '../../compression/compressMatrix';
import type { HeadSizes } from '../../compression/groups/attentionHeads';
import type { Rotation } from '../../compression/groups/queryKey';
import type { ReducedGroup } from '../../compression/groups/reduceGroup';
import type { FloatDType } from '../../compression/narrow';
import type { CompressedTensor, CompressionInput } from '../../compression/pairCompression';
import type { BandMatrix } from '../../linalg/kernels/bandMatrix';
import type { LayerDifference } from '../../shared/compression/layerDifference';
import type { GroupMethodName, LayerChoice } from '../../shared/compression/plans';
import type { LayerStatistics } from '../../shared/compression/statistics';
import type { RankRequest } from '../../shared/compressions';
import type { FarmsResult, GoodnessOfFit, StoredRounding, TensorStatistics } from '../../shared/layers';
import type { DType } from '../../shared/tensors';
import type { FarmsWindow } from '../../spectral/farms/farms';
import type { FarmsEstimate } from '../../spectral/tail/bootstrap';
import type { LayerOutcome, LayerPrecision, LayerTask, StoredFactor, TensorTask } from './layerRecords';
import type { StatisticsTrial } from './tryStatistics';

/** Takes the share of the running call that is done. */
export type Progress = (fraction: number) => void;

/** An array that a result is written to where it is long enough; the result is its beginning. */
interface Into {
  into?: Float64Array;
}

export interface CompressTask {
  matrix: StoredElements;
  /** Its rows are inputs. */
  inputsFirst: boolean;
  known: Pick<LayerInput, 'storedBytes' | 'eigenvalues'>;
  /** What a quantised checkpoint holds of the same matrix. */
  quantised?: StoredElements;
  /** What a program multiplies the matrix by: entries that are 0 count nowhere. */
  mask?: StoredElements;
  choice: LayerChoice;
  statistics: LayerStatistics;
  /** Of all floats that are stored. */
  dtype: FloatDType;
  /** The parts, or their sum as one matrix that lies as the layer's own. */
  form: StoredForm;
}

export interface StoredModule {
  /** `gate`, `up`, `down`, `q`, `k`, `v`, `o`. */
  role: string;
  name: string;
  matrix: StoredElements;
  inputsFirst: boolean;
  bias?: Float64Array;
}

export interface GroupTask {
  method: GroupMethodName;
  rank: number;
  modules: StoredModule[];
  statistics: LayerStatistics;
  dtype: FloatDType;
  /** For the methods of attentions. */
  heads?: { sizes: HeadSizes; rotation: Rotation; rotated: number };
}

export interface WorkerCalls {
  /** Counts the whole tensor's bytes and keeps them. */
  hold(params: { task: TensorTask; bytes: Uint8Array }): HeldMatrices<HeldSpectra> | LastStage;
  /** For a matrix that is read in bands of rows. */
  stream(params: { task: LayerTask }): StreamedRows;
  /** For a tensor without a spectrum that is read in bands of rows. */
  count(params: { task: TensorTask }): CountedTensor;
  /** Statistics and eigenvalues of scale · L·R, L rows × rank, R rank × columns, as stored or transposed. */
  multiply(
    params: { task: LayerTask; left: StoredFactor; right: StoredFactor; rank: number; scale: number },
    onProgress: Progress,
  ): LastStage;

  /** For a quick look at a matrix that is read in bands of rows. */
  look(params: { task: LayerTask }): QuickLayer;

  /** Eigenvalues of a FARMS window's Gram matrix, or of the band matrix it was reduced to. */
  windowEigenvalues(params: { matrix: Float64Array; n: number } | { bandMatrix: BandMatrix }): Float64Array;
  /** Σx² of some elements. */
  squares(params: { bytes: Uint8Array; dtype: DType }): number;
  /** Tests the fit of alpha to a spectrum. */
  goodness(
    params: { eigenvalues: Float64Array; dimension: number; rounding: StoredRounding },
    onProgress: Progress,
  ): GoodnessOfFit;
  /** Factors, or their product, rounded to the stored type. */
  compress(
    params: { input: CompressionInput; method: string; rank: RankRequest; output: 'factors' | 'reconstructed' },
    onProgress: Progress,
  ): CompressedTensor;
  /** One layer by one method. @see compressMatrix */
  compressChoice(params: CompressTask, onProgress: Progress): StoredLayer;
  /** What is lost of one layer by one method. */
  choiceDifference(params: CompressTask, onProgress: Progress): LayerDifference;
  /** An MLP or an attention by its group method. @see reduceGroup */
  reduceGroup(params: GroupTask, onProgress: Progress): ReducedGroup;
  /** λ of W·L, descending. @see gramSpectrum */
  gramSpectrum(
    params: { matrix: StoredElements; inputsFirst: boolean; statistics: LayerStatistics },
    onProgress: Progress,
  ): Float64Array;
  /** Why statistics cannot be used; null if they can. */
  tryStatistics(params: StatisticsTrial): string | null;
  /** Elements in float64. */
  widen(params: { bytes: Uint8Array; dtype: DType }): Float64Array;
  /** The k largest eigenpairs of a symmetric matrix: values descending, vectors as rows. */
  eigenvectors(
    params: { matrix: Float64Array; n: number; k: number },
    onProgress: Progress,
  ): { values: Float64Array; vectors: Float64Array };
  /** A heat map's planes with a band of rows added. */
  heatMap(params: {
    bytes: Uint8Array;
    dtype: DType;
    planes: Float64Array;
    rowCells: Uint16Array;
    colCells: Uint16Array;
    width: number;
  }): Float64Array;
  /** Elements in each of the bins between `edges`. */
  histogram(params: { bytes: Uint8Array; dtype: DType; edges: Float64Array }): Float64Array;
}

/** A layer with everything computed. */
export interface LastStage {
  readonly stage: 'last';
  finish(precision: LayerPrecision): LayerOutcome;
}

/** Held matrices that have no eigenvalues yet. Those of each are set in turn, or those of all by `spectra`. */
export interface HeldMatrices<Solved> {
  readonly stage: 'matrices';
  /** Columns [start, end) of a matrix, turned where it is tall, so that its smaller side is the rows. */
  columns(params: { matrix: number; start: number; end: number } & Into): Float64Array;
  /** Eigenvalues of all matrices, Gram products by the worker's own kernels. */
  spectra(params: undefined, onProgress: Progress): Solved;
  eigenvalues: SetEigenvalues;
  /** @throws Error where a matrix has no eigenvalues yet */
  solved(): Solved;
}

/**
 * Sets the eigenvalues of the next matrix, from its Gram matrix in band form.
 *
 * @returns null, or why they are dropped: an error of the Gram matrix up to the norm `errorBound` is too much for them
 */
type SetEigenvalues = (params: { bandMatrix: BandMatrix; errorBound?: number }, onProgress: Progress) => string | null;

/** The eigenvalues are known; a shuffle is the last that may be asked of the matrices. */
export interface KnownSpectra {
  readonly stage: 'spectra';
  /** Permutes the entries of every matrix: the spectra so far are kept, and those of the shuffled ones come next. */
  shuffle(): HeldMatrices<KnownSpectra>;
  finish(precision: LayerPrecision): LayerOutcome;
}

/** FARMS, after the layer's own spectrum and at most once. */
export interface FarmsCalls<Done> {
  /** FARMS of a matrix that is its only window. */
  wholeFarms(params: { window: [number, number] }): Done;
  /** Elements of a part of the matrix, or of its transpose, out of the held bytes or out of the part's whole rows. */
  part(params: { part: FarmsWindow; turned: boolean; bytes?: Uint8Array } & Into): Float64Array;
  /** Eigenvalues of a window, likewise, by the worker's own kernels alone. */
  windowSpectrum(params: { window: FarmsWindow; bytes?: Uint8Array }): Float64Array;
  /** Alpha of some windows' spectra, and how sure it is. */
  farmsEstimate(params: { spectra: Float64Array[]; total: number; window: [number, number] }): FarmsEstimate;
  /** Ends FARMS with these windows' spectra; the interval is null where they are all. */
  finishFarms(params: {
    spectra: Float64Array[];
    interval: [number, number] | null;
    total: number;
    window: [number, number];
  }): Done;
}

export interface HeldSpectra extends KnownSpectra, FarmsCalls<KnownSpectra> {
  /** Makes small eigenvalues as exact as the policy asks; takes the memory of three copies in float64. */
  resolveSmall(): void;
  /** FARMS over every block of a convolution. */
  convFarms(params: undefined, onProgress: Progress): KnownSpectra;
}

/** Rows of a matrix on their way to its Gram matrix. */
interface RowCalls {
  /** Widens rows from `start` on and returns them turned (cols × rows). Rows that come for the first time are counted. */
  nextRows(params: { start: number; bytes: Uint8Array } & Into): Float64Array;
}

export interface StreamedRows extends RowCalls {
  readonly stage: 'rows';
  /** All rows were counted. */
  counted(): StreamedMatrix | LastStage;
}

/** All rows were counted and are finite. They may come once more, for another Gram matrix. */
export interface StreamedMatrix extends RowCalls {
  readonly stage: 'matrix';
  eigenvalues: SetEigenvalues;
  /** @throws Error where the matrix has no eigenvalues yet */
  solved(): StreamedSpectra | LastStage;
}

export interface StreamedSpectra extends FarmsCalls<LastStage> {
  readonly stage: 'spectra';
  finish(precision: LayerPrecision): LayerOutcome;
}

/** A tensor without a spectrum: statistics are all there is. */
export interface CountedTensor {
  readonly stage: 'counting';
  add(params: { bytes: Uint8Array }): void;
  finish(precision: LayerPrecision): LayerOutcome;
}

/** A layer of which no spectrum is computed. Its windows are cut out of rows in float32. */
export interface QuickLayer extends FarmsCalls<FarmsResult | null> {
  readonly stage: 'spectra';
  /** Rows in float32; those that come for the first time are counted. */
  rows(params: { bytes: Uint8Array; counted: boolean }): Float32Array;
  /** All rows were counted. The obstacle says why there is no spectrum. */
  counted(): { statistics: TensorStatistics; obstacle: string | null };
}
