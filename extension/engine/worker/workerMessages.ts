/**
 * Calls the engine's main thread makes to a worker thread, as one interface from which both ends are typed. A worker
 * serves one layer at a time: `begin` … `finish`, `end`.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { CompressedTensor, CompressionInput } from '../../compression/compressTensor';
import type { BandMatrix } from '../../linalg/eigen/bandReduction';
import type { RankRequest } from '../../shared/compressions';
import type { GoodnessOfFit, InspectSettings, LayerResult, StoredRounding } from '../../shared/layers';
import type { DType } from '../../shared/tensors';
import type { FarmsEstimate } from '../../spectral/tail/bootstrap';
import type { FarmsWindow } from '../../spectral/farms/farms';
import type { LayerGeometry } from '../../spectral/matrices';

export interface TaskTensor extends Pick<TensorInfo, 'name' | 'dtype' | 'kernelLayout'> {
  shape: number[];
  /** The file's shape where `shape` is that of the matrices it is seen as. */
  storedShape?: number[];
  encoding?: string;
  /** Of an encoded element, with its share of scales. */
  bits?: number;
  /** Of a part: the stored tensor, and the layer of it. */
  partOf?: { tensor: string; layer: string };
}

export interface LayerTask {
  /** The tensor the bytes come from. For an expert layer `shape` is still the whole stack's. */
  tensor: TaskTensor;
  /** Absent for a tensor without a spectrum: only statistics are made. */
  layer?: LayerGeometry;
  noSpectrum?: string;
  settings: InspectSettings;
}

/** What made the layer's Gram matrices, for its result. */
export type LayerPrecision = Pick<LayerResult, 'precision' | 'precisionNote'>;

export interface StoredFactor {
  bytes: Uint8Array;
  dtype: DType;
  transposed: boolean;
}

/** Numbers of one layer and the arrays its view draws. */
export interface LayerOutcome {
  result: LayerResult;
  /** Ascending, pooled, with `conv_norm`. */
  eigenvalues: Float64Array;
  farmsEigenvalues: Float64Array;
  /** Ascending, of the matrix that ranks and compression are about, without `conv_norm`. */
  rankEigenvalues: Float64Array;
}

export interface WorkerCalls {
  begin: { params: { task: LayerTask; bytes?: Uint8Array }; result: null };
  /**
   * Widens the next rows, adds them to the statistics unless they are there (`again`) and returns them turned
   * (cols × rows); nothing unless `keep`. Where there is an array of at least that length in `into`, the result is in it.
   */
  nextRows: {
    params: { bytes: Uint8Array; keep: boolean; again: boolean; into?: Float64Array };
    result: Float64Array;
  };
  /** Statistics of the held bytes; true where every element is finite. */
  statistics: { params: null; result: boolean };
  /** Whether all elements were zero: its spectra are then known, and nothing is to be computed. */
  zeroSpectra: { params: null; result: boolean };
  /** Columns [start, end) of a held matrix, turned where it is tall, so that its smaller side is the rows. `into` as above. */
  columns: { params: { matrix: number; start: number; end: number; into?: Float64Array }; result: Float64Array };
  /** Eigenvalues of every held matrix, Gram products by the worker's own kernels. */
  spectra: { params: null; result: null };
  /** Eigenvalues of one matrix from its Gram matrix in band form. */
  eigenvalues: { params: { bandMatrix: BandMatrix }; result: null };
  /** Makes small eigenvalues of held matrices as exact as the policy asks; takes the memory of three copies in float64. */
  resolveSmall: { params: null; result: null };
  /** Permutes the entries of every held matrix: the eigenvalues that follow are those of the shuffled ones. */
  shuffle: { params: null; result: null };
  /** Keeps the latest spectrum unless an error of its Gram matrix up to this norm is too much; then says why. */
  accept: { params: { errorBound: number }; result: string | null };
  /** Eigenvalues of a FARMS window's Gram matrix, or of the band matrix it was reduced to; any worker does. */
  windowEigenvalues: { params: { matrix: Float64Array; n: number } | { bandMatrix: BandMatrix }; result: Float64Array };
  /** Statistics and eigenvalues of scale · L·R, L rows × rank, R rank × columns, as stored or transposed. */
  product: { params: { left: StoredFactor; right: StoredFactor; rank: number; scale: number }; result: null };
  /** Σx² of some elements. */
  squares: { params: { bytes: Uint8Array; dtype: DType }; result: number };
  /** FARMS over every block of a held convolution. */
  farms: { params: null; result: null };
  /** FARMS of a matrix that is its only window. */
  wholeFarms: { params: { window: [number, number] }; result: null };
  /** Elements of a part of the matrix, or of its transpose, out of the held bytes or out of the part's whole rows. `into` as above. */
  part: {
    params: { part: FarmsWindow; turned: boolean; bytes?: Uint8Array; into?: Float64Array };
    result: Float64Array;
  };
  /** Eigenvalues of a window, likewise, by the worker's own kernels alone. */
  windowSpectrum: { params: { window: FarmsWindow; bytes?: Uint8Array }; result: Float64Array };
  /** Alpha of some windows' spectra, and how sure it is. */
  farmsEstimate: {
    params: { spectra: Float64Array[]; total: number; window: [number, number] };
    result: FarmsEstimate;
  };
  /** Ends FARMS with these windows' spectra; the interval is null where they are all. */
  finishFarms: {
    params: {
      spectra: Float64Array[];
      interval: [number, number] | null;
      total: number;
      window: [number, number];
    };
    result: null;
  };
  finish: { params: LayerPrecision; result: LayerOutcome };
  /** Forgets a layer, finished or not. */
  end: { params: null; result: null };
  /** Tests the fit of alpha to a spectrum. */
  goodness: {
    params: { eigenvalues: Float64Array; dimension: number; rounding: StoredRounding };
    result: GoodnessOfFit;
  };
  /** Factors, or their product, rounded to the stored type. */
  compress: {
    params: {
      input: CompressionInput;
      method: string;
      rank: RankRequest;
      output: 'factors' | 'reconstructed';
    };
    result: CompressedTensor;
  };
  /** Elements in float64. */
  widen: { params: { bytes: Uint8Array; dtype: DType }; result: Float64Array };
  /** The k largest eigenpairs of a symmetric matrix: values descending, vectors as rows. */
  eigenvectors: {
    params: { matrix: Float64Array; n: number; k: number };
    result: { values: Float64Array; vectors: Float64Array };
  };
  /** A heat map's planes with a band of rows added. */
  heatMap: {
    params: {
      bytes: Uint8Array;
      dtype: DType;
      planes: Float64Array;
      rowCells: Uint16Array;
      colCells: Uint16Array;
      width: number;
    };
    result: Float64Array;
  };
  /** Elements in each of the bins between `edges`. */
  histogram: { params: { bytes: Uint8Array; dtype: DType; edges: Float64Array }; result: Float64Array };
}

export type WorkerRequest = {
  [K in keyof WorkerCalls]: { id: number; call: K; params: WorkerCalls[K]['params'] };
}[keyof WorkerCalls];

/** `progress` is the share of the running call that is done. */
export type WorkerReply =
  | { id: number; result: unknown }
  | { id: number; error: { name: string; message: string; code?: string } }
  | { id: number; progress: number };
