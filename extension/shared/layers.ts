/**
 * Records of one layer: settings, spectrum, fits, metrics, vectors. Names of numbers are the field's spelling
 * (WeightWatcher's where it has one).
 */
import type { MetricKey } from './metricTable';
import type { DType, Problem } from './tensors';

export type FitRule = 'KS' | 'xmin_mid' | 'xmin_peak';

/** Power-law fit of an ESD's tail. All numbers are null where `status` is `failed`. */
export interface PowerLawFit {
  rule: FitRule;
  status: 'success' | 'failed';
  /** Why it failed, or a note on what was assumed. */
  reason?: string;
  /** `relative` where the absolute zero filter would have dropped more than half of the spectrum. */
  filter?: 'relative';
  /** The tail spans so little of λ that no law shows in it. `reason` says how little. A FARMS fit then fails. */
  narrow?: true;
  alpha: number | null;
  /** Kolmogorov–Smirnov distance. */
  D: number | null;
  xmin: number | null;
  xmax: number | null;
  /** Number of eigenvalues in the tail. */
  num_pl_spikes: number | null;
  /** Standard error (alpha − 1)/√n. */
  sigma: number | null;
}

/** How far rounding to the stored type can have moved the singular values of a layer's matrices. */
export interface StoredRounding {
  /** The stored type, as people read it: `BF16`, `Q4_0`. */
  type: string;
  /** Norm of the rounding errors of one matrix, in the units of the spectrum's σ (with `conv_norm` where that has it). */
  norm: number;
}

/** What a tail may follow instead of a power law, in the spelling of the `powerlaw` package. */
export type AlternativeLaw = 'truncated_power_law' | 'exponential' | 'stretched_exponential' | 'lognormal';

/** The power law against one alternative on the same tail. All numbers are null where `status` is `failed`. */
export interface TailComparison {
  law: AlternativeLaw;
  /** `limit` where the best law of this kind is the power law itself: it has no parameters of its own, R = 0, p = 1. */
  status: 'success' | 'limit' | 'failed';
  reason?: string;
  /** Normalised log-likelihood ratio: positive where the power law is the likelier one. */
  R: number | null;
  /** How often chance alone gives as large an |R|, two-sided. */
  p: number | null;
  /** In the spelling and the units of the `powerlaw` package. */
  parameters: Record<string, number> | null;
}

/** The law that the tail of `alpha` follows. */
export interface TailShape {
  status: 'success' | 'failed';
  /** Why it failed. */
  reason?: string;
  law?: AlternativeLaw | 'power_law' | 'undecided';
  /** Eigenvalues compared, λ ≥ xmin. */
  n?: number;
  comparisons?: TailComparison[];
}

/** Bootstrap test of the power law. All numbers but the seed are null if `status` is `failed`. */
export interface GoodnessOfFit {
  status: 'success' | 'failed';
  reason?: string;
  /** Share of synthetic spectra, power laws from xmin on, that lie as far from their own fit: below 0.1 it is refused. */
  p: number | null;
  /** Standard error of p: √(p(1 − p)/replicates). */
  standard_error: number | null;
  replicates: number | null;
  seed: number;
}

/** Settings of an analysis; part of the cache key. */
export interface InspectSettings {
  farms: {
    enabled: boolean;
    /** `num_row_samples` */
    rows: number;
    /** `Q_ratio` */
    q: number;
    /** `sampling_ops_per_dim` */
    ops: number;
    /** The rule that chooses xmin on the pooled ESD. */
    fit: FitRule;
    /** Every window, or as many as the tolerance needs (chosen by cost when `auto`). */
    mode: 'auto' | 'full' | 'adaptive';
    /** Adaptive mode stops when the 95 % interval's half-width is below this share of alpha. */
    tolerance: number;
  };
  /** Also take the spectrum of each layer with its entries shuffled, which takes as long again for each shuffle. Off where absent. */
  randomise?: boolean;
  /** How often they are shuffled, from 2; 5 where absent. */
  shuffles?: number;
  /** Also test the fit of alpha by a bootstrap. Off where absent. */
  goodness?: boolean;
}

/** FARMS result of one layer. */
export interface FarmsResult extends PowerLawFit {
  /** Windows used and windows the reference would use. For conv kernels: blocks. */
  windows: number;
  windows_total: number;
  /** Window rows and columns. */
  window: [number, number];
  mode: 'full' | 'adaptive';
  /** 95 % interval for alpha; only in adaptive mode. */
  interval?: [number, number];
  num_row_samples: number;
  Q_ratio: number;
  sampling_ops_per_dim: number;
  /** Seed of the bootstrap; only in adaptive mode. */
  seed?: number;
}

export interface RankSuggestion {
  rank: number;
  /** √(Σ_{i>rank}λ / Σλ): relative Frobenius error of keeping `rank` directions. */
  error: number;
  /** Parameters of a factor pair of that rank. */
  parameters: number;
  /** That over the parameters of the matrix, or of the factors that it is stored as. */
  ratio: number;
}

/** Statistics of all elements, NaN/Inf excluded from the moments. */
export interface TensorStatistics {
  count: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  /** √Σx² */
  l2: number | null;
  zeros: number;
  nan: number;
  inf: number;
  /** Flat index of the first NaN or Inf. */
  first_not_finite?: number;
}

/** All numbers of one layer (or of a tensor without a spectrum: `metrics` and `ranks` empty, `farms` null). */
export interface LayerResult {
  name: string;
  tensor: string;
  /** The layer that it is a part of; absent for whole layers. `shape` is then the part's own. */
  partOf?: string;
  /** The layer that it is tied to: the numbers are that one's, and it counts in nothing that is said of the whole model. */
  tiedWith?: string;
  shape: number[];
  dtype: DType;
  /** How the elements are stored where that is not plainly as `dtype`. */
  encoding?: string;
  /** Number of matrices pooled into the ESD (kernel positions of a conv), 0 without a spectrum. */
  matrices: number;
  /** N ≥ M of each of them. */
  N?: number;
  M?: number;
  /** Keys are those of the metric table; null where undefined (`missing` says why). */
  metrics: Partial<Record<MetricKey, number | null>>;
  /** Why metrics are null, in words, by their key; and why ranks are absent, by `rank_` and the rule. */
  missing?: Record<string, string>;
  fits: Partial<Record<FitRule, PowerLawFit>>;
  /** What the fits take for rounding; absent without a spectrum. */
  rounding?: StoredRounding;
  /** The law that the tail of `fits.KS` follows. */
  tail_shape?: TailShape;
  /** Bootstrap test of the fit of alpha, if it was asked for. */
  goodness?: GoodnessOfFit;
  /** The randomisation test, where it was asked for. */
  randomised?: {
    status: 'success' | 'failed';
    reason?: string;
    /** Seed of the first shuffle; each further one adds 1. */
    seed: number;
    shuffles?: number;
    /** λ₁ of the shuffles, and above which λ no random matrix's lies: a chance of 5 % at most. */
    edge?: { mean: number; sd: number; threshold: number };
  };
  /** Set if the tensor is not stored, but is the product of two factors. */
  factored?: FactoredLayer;
  farms: FarmsResult | null;
  ranks: Record<string, RankSuggestion>;
  /** Singular vectors of the largest singular values, if they were asked for. */
  vectors?: VectorRow[];
  /** What residual they reached, in words, where it is not the one aimed at. */
  vectorsNote?: string;
  statistics: TensorStatistics | null;
  /** Arithmetic that made the Gram matrices of the spectrum, and where, for instance `float64 cpu`. */
  precision?: string;
  /** Why a device that was to make them did not, and which eigenvalues are less exact than others, in words. */
  precisionNote?: string;
  noSpectrum?: string;
  problems: Problem[];
  /** Milliseconds of computing. */
  elapsed?: number;
}

/** A layer that is stored as two factors: a LoRA pair's ΔW = scale · B·A. */
export interface FactoredLayer {
  /** Names of the tensors that B and A are made of. */
  factors: [string, string];
  /** Columns of B, rows of A: directions that it can have. */
  rank: number;
  scale: number;
  /** Directions that hold 95 % of ‖ΔW‖²; absent without a spectrum. */
  directions?: number;
  /** The weight that it is added to, where the base model lies beside the adapter. */
  base?: {
    path: string;
    tensor: string;
    /** ‖ΔW‖/‖W‖, Frobenius; null where W is zero or not finite. */
    relative_norm: number | null;
  };
}

/** What a layer's view draws. All eigenvalues ascending. */
export interface LayerSpectrum {
  layer: LayerResult;
  /** λ = σ² pooled over the matrices, conv kernels scaled by 0.5 (`conv_norm`). */
  eigenvalues: Float64Array;
  /** Pooled FARMS eigenvalues; empty without FARMS or for conv blocks averaged one by one. */
  farmsEigenvalues: Float64Array;
  /**
   * λ of the one matrix that ranks, errors and compression are about, without `conv_norm`: the layer's matrix, for a
   * convolution the whole kernel as one O × (I·kh·kw) matrix (its ESD pools one O × I matrix per kernel position).
   */
  rankEigenvalues: Float64Array;
  rankMatrix: { rows: number; cols: number };
  /** Element histogram: `edges.length === counts.length + 1`. */
  histogram: { edges: Float64Array; counts: Float64Array };
}

/** The spectrum of a layer with its entries in random order. */
export interface ShuffledSpectrum {
  /** λ ascending, as `LayerSpectrum.eigenvalues`: of the first shuffle. */
  eigenvalues: Float64Array;
  /** Of that shuffle. */
  seed: number;
  /** How many there were: the edge is of all of them. */
  shuffles: number;
  /** As in `LayerResult.randomised`. */
  edge: { mean: number; sd: number; threshold: number };
}

/** How a singular vector is spread over its elements; see `spectral/vectorMetrics.ts`. */
export interface VectorMetrics {
  localization_ratio: number;
  participation_ratio: number;
  discrete_entropy: number;
}

/** A singular value of the matrix that ranks and compression are about, and how its two vectors are spread. */
export interface VectorRow {
  sigma: number;
  /** max(‖Wv − σu‖, ‖Wᵀu − σv‖), measured. */
  residual: number;
  /** How u is spread; it has one element for each row. */
  left: VectorMetrics;
  /** How v is spread; it has one element for each column. */
  right: VectorMetrics;
}

export interface LayerVectors {
  layer: string;
  rows: number;
  cols: number;
  /** The largest σ first. */
  vectors: VectorRow[];
  /** What residual was reached, in words, where it is not the one aimed at. */
  note?: string;
  /** Milliseconds of computing. */
  elapsed: number;
}

/** Σᵢ σᵢ·uᵢ·vᵢᵀ is the matrix, or the best approximation of it at that rank. */
export interface SingularVectors {
  layer: string;
  rows: number;
  cols: number;
  /** Descending. */
  singularValues: Float64Array;
  /** uᵢ one a row: k × rows. */
  left: Float64Array;
  /** vᵢ one a row: k × cols. */
  right: Float64Array;
  /** max(‖Wv − σu‖, ‖Wᵀu − σv‖) of each, measured. */
  residuals: Float64Array;
}

/** The matrix that ranks and compression are about at screen resolution; cells row-major, the top row first. */
export interface HeatMap {
  layer: string;
  rows: number;
  cols: number;
  /** Number of the singular triplet by whose vectors rows and columns are ordered, the largest first; 0 as stored. */
  order: number;
  /** First row of each row of cells in the order shown, and the number of rows: one more than rows of cells. */
  rowStarts: number[];
  colStarts: number[];
  /** Stored index of each row in the order shown; absent in stored order. */
  rowOrder?: Uint32Array;
  colOrder?: Uint32Array;
  /** Mean of each cell's finite elements; NaN if there is none. */
  mean: Float64Array;
  rms: Float64Array;
  /** The element of largest magnitude, with its sign. */
  peak: Float64Array;
  /** How many are NaN or Inf. */
  notFinite: Float64Array;
}
