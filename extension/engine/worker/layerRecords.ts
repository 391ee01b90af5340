/** What the computation of a layer starts from in a worker thread, and what it ends with. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { DType } from '../../shared/tensors';
import type { LayerGeometry } from '../../spectral/matrices';

export interface TaskTensor extends Pick<TensorInfo, 'name' | 'dtype' | 'kernelLayout'> {
  shape: number[];
  /** The file's shape where `shape` is that of the matrices it is seen as. */
  storedShape?: number[];
  encoding?: string;
  /** Bits of an encoded element, with its share of scales. */
  bits?: number;
  /** Set for a part: the stored tensor, and its layer. */
  partOf?: { tensor: string; layer: string };
}

export interface TensorTask {
  /** The tensor the bytes come from. For an expert layer `shape` is still the whole stack's. */
  tensor: TaskTensor;
  /** Absent for a tensor without a spectrum: only statistics are made. */
  layer?: LayerGeometry;
  noSpectrum?: string;
  settings: InspectSettings;
}

/** A task with a spectrum to compute. */
export interface LayerTask extends TensorTask {
  layer: LayerGeometry;
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
  /** As `eigenvalues`, of the first shuffle; absent where entries were not shuffled. */
  shuffledEigenvalues?: Float64Array;
}
