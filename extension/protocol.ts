/**
 * Every message between the extension host, the engine (child process) and the webview: types only, the map of
 * the system. Requests and notifications are plain interfaces from which `rpc.ts` derives the typed calls.
 *
 * Names of numbers are the field's spelling as `science` defines them (WeightWatcher's where it has one).
 */

/** Element types a checkpoint may store, in safetensors' spelling. */
export type DType =
  | 'F64'
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'F8_E4M3'
  | 'F8_E5M2'
  | 'F8_E4M3FNUZ'
  | 'F8_E5M2FNUZ'
  | 'F8_E8M0'
  | 'I64'
  | 'I32'
  | 'I16'
  | 'I8'
  | 'U64'
  | 'U32'
  | 'U16'
  | 'U8'
  | 'BOOL'
  | 'C64'
  | 'C128';

/** Something that could not be read or analysed: a person reads it in a notification or a table row. */
export interface Problem {
  /** Stable machine-readable code, for instance `truncated`, `missing-shard`, `not-finite`. */
  code: string;
  /** One sentence that names what is wrong, where, and what to do. */
  message: string;
  /** The file it is about. */
  file?: string;
  /** Byte offset in that file. */
  offset?: number;
  /** Tensor or layer it is about. */
  tensor?: string;
}

/** One tensor as the table shows it. Known from headers alone. */
export interface TensorSummary {
  /** The state_dict's own name; a wrapper key is prefixed only where two wrappers hold the same name. */
  name: string;
  /** What other programs call it: Hugging Face's name of a GGUF tensor. */
  alias?: string;
  /** Wrapper path inside a training checkpoint (`state_dict`, `optimizer.state`, …); empty for a plain state_dict. */
  group: string;
  shape: number[];
  dtype: DType;
  /** How the elements are stored where that is not plainly as `dtype`: `Q4_0`, say. */
  encoding?: string;
  /** Product of the shape. */
  parameters: number;
  /** Bytes of the elements as stored. */
  bytes: number;
  /** Names of the layers (units of spectral analysis) in this tensor; empty where it has no spectrum. */
  layers: string[];
  /** Why it has no spectrum, in words, where `layers` is empty. */
  noSpectrum?: string;
  /** Another tensor of the checkpoint over the very same stored bytes, or the same once more (tied weights). */
  sharedWith?: string;
  /** What the tensor is if it is no part of the model. It counts in no total, and no verdict is given on its alpha. */
  notModel?: NotModel;
}

/** What checkpoints hold beside a model. Each is a word or two that a person reads. */
export type NotModel =
  | 'optimizer state'
  | 'random state'
  /** Schedulers, loss scalers, callbacks, counters. */
  | 'training state'
  /** A module that is pickled once more beside the weights, as an argument of its class. */
  | 'copied module'
  /** Scales of activations, names of formats. */
  | 'quantisation setting';

/** What many tensors have in common. */
export type TensorKind = Omit<TensorSummary, 'name' | 'alias' | 'layers' | 'sharedWith'>;

/**
 * Tensors on their way between processes (`packedTensors.ts`): most differ in nothing but their names, and 100 000
 * objects of the same keys would take seconds to write, to read and to copy at each border.
 */
export interface PackedTensors {
  names: PackedNames;
  /** Of the tensors that have one, by index. Absent where none has. */
  aliases?: { of: Uint32Array; names: PackedNames };
  kinds: TensorKind[];
  /** Index into `kinds`, for each name. */
  kindOf: Uint32Array;
  /** Layers of the tensors, by index, that are not their own single layer. */
  layers: [tensor: number, names: string[]][];
  sharedWith: [tensor: number, name: string][];
}

/** Each name by what it adds to the beginning of the one before: a quarter of the text, in one piece. */
export interface PackedNames {
  /** UTF-16 units that it begins with as the one before does. */
  shared: Uint32Array;
  /** Units that follow those. */
  added: Uint32Array;
  /** What is added, of all names. */
  text: string;
}

/** A part of a layer's matrix that can be looked at by itself, as a layer of that name. */
export interface PartSummary {
  /** `<tensor>[q]`, `<tensor>[q.head3]`, `<tensor>[5.gate]` of an expert. */
  name: string;
  /** Within its layer: `q`, `q.head3`, `gate`. */
  label: string;
  /** Label of the part that it lies in. */
  within?: string;
  shape: [number, number];
}

export interface LayerParts {
  /** Each before those that lie in it. */
  parts: PartSummary[];
  /** Why a layer that has parts by its name has none here, in words. */
  reason?: string;
}

export type PackedSummary = Omit<CheckpointSummary, 'tensors'> & { tensors: PackedTensors };

/** One shard of a model that was opened by itself. */
export interface ShardOfModel {
  /** From 1. */
  number: number;
  total: number;
  /** What to open for all of them: their index, or their folder. Absent where some are missing. */
  whole?: string;
}

export interface CheckpointSummary {
  /** Handle for later requests. */
  document: string;
  path: string;
  /** Registry name: `safetensors`, `pytorch`, `torchscript`, `onnx`, `tensorflow.js`, … */
  format: string;
  /** Every file that it depends on, absolute. */
  files: string[];
  /** Absent for what is no shard, and for a model in shards that was opened whole. */
  shard?: ShardOfModel;
  /** How many of them hold its elements: not an index, a configuration or an adapter's base model. */
  weightFiles: number;
  /** Another one where a file's place, size or time is another. */
  version: string;
  /**
   * Parameters of the model: tied weights count once, and tensors that are no part of the model (`notModel`) not at all,
   * here and in `bytes` and `dtypes`.
   */
  parameters: number;
  /** Sum of tensors' `bytes`. */
  bytes: number;
  /** What the checkpoint holds of its optimizer; absent where that is nothing. */
  optimizer?: { tensors: number; bytes: number };
  /** Tensors that are no part of the model and no optimizer state either; absent if there are none. */
  beside?: { tensors: number; bytes: number };
  /** What the names and a `config.json` beside the file suggest, for instance `LLaMA (5 blocks, hidden 64)`. */
  architecture: string;
  /** Parameters by how they are stored (encoding, else dtype), largest first. */
  dtypes: { dtype: string; parameters: number }[];
  /** Free-form key/value pairs from the file's header. */
  metadata: Record<string, string>;
  tensors: TensorSummary[];
  problems: Problem[];
}

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

/** Which law the tail of `alpha` follows. */
export interface TailShape {
  status: 'success' | 'failed';
  /** Why it failed. */
  reason?: string;
  law?: AlternativeLaw | 'power_law' | 'undecided';
  /** Eigenvalues compared, λ ≥ xmin. */
  n?: number;
  comparisons?: TailComparison[];
}

/** Whether a power law is plausible at all, by a bootstrap. All numbers but the seed are null where `status` is `failed`. */
export interface GoodnessOfFit {
  status: 'success' | 'failed';
  reason?: string;
  /** Share of synthetic spectra, power laws from xmin on, that lie as far from their own fit: below 0.1 it is refused. */
  p: number | null;
  /** Of p, √(p(1 − p)/replicates). */
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
    /** Which xmin rule fits the pooled ESD. */
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
  metrics: Record<string, number | null>;
  /** Why metrics are null, in words, by their key; and why ranks are absent, by `rank_` and the rule. */
  missing?: Record<string, string>;
  fits: Partial<Record<FitRule, PowerLawFit>>;
  /** What the fits take for rounding; absent without a spectrum. */
  rounding?: StoredRounding;
  /** Which law the tail of `fits.KS` follows. */
  tail_shape?: TailShape;
  /** Whether the fit of alpha is plausible, where that was asked for. */
  goodness?: GoodnessOfFit;
  /** The randomisation test, where it was asked for. */
  randomised?: {
    status: 'success' | 'failed';
    reason?: string;
    /** Of the first shuffle; one more for each further one. */
    seed: number;
    shuffles?: number;
    /** λ₁ of the shuffles, and above which λ no random matrix's lies: a chance of 5 % at most. */
    edge?: { mean: number; sd: number; threshold: number };
  };
  /** Where it is not stored but the product of two factors. */
  factored?: FactoredLayer;
  farms: FarmsResult | null;
  ranks: Record<string, RankSuggestion>;
  /** Of the largest singular values, where they were asked for. */
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
  /** Of u, which has an element for each row. */
  left: VectorMetrics;
  /** Of v, which has an element for each column. */
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
  /** Of each cell's finite elements; NaN where there is none. */
  mean: Float64Array;
  rms: Float64Array;
  /** The element of largest magnitude, with its sign. */
  peak: Float64Array;
  /** How many are NaN or Inf. */
  notFinite: Float64Array;
}

export type RankRequest =
  | { kind: 'rank'; rank: number }
  /** Smallest rank with at least this share of Σλ, 0 < energy ≤ 1. */
  | { kind: 'energy'; energy: number }
  /** Largest rank whose factor pair has at most this share of the parameters, 0 < budget. */
  | { kind: 'budget'; budget: number };

export interface CompressionPreview {
  layer: string;
  /** Registry name of the method, for instance `svd`. */
  method: string;
  rank: number;
  /** Largest rank that makes sense: min(N, M) of the matrix. */
  fullRank: number;
  breakEven: number;
  /** Why no rank of this layer is worth its error, in one sentence; absent if one is. Also among the notes. */
  notWorthFactoring?: string;
  /** ‖W − Ŵ‖_F / ‖W‖_F, exact, from the discarded eigenvalues. */
  relative_error: number;
  /** σ_{k+1}/σ₁ (0 at full rank): relative error in the spectral norm. */
  sigma_ratio: number;
  parameters: { before: number; after: number };
  bytes: { before: number; after: number };
  /** Multiply-adds per token (per output position for conv). */
  multiply_adds: { before: number; after: number };
  /** Singular values before, descending; the first `rank` of them are what stays. */
  singularValues: Float64Array;
  notes: string[];
}

export interface SaveRequest {
  layer: string;
  method: string;
  rank: RankRequest;
  /** Two factor tensors in place of the weight, or the product in its original shape and name. */
  output: 'factors' | 'reconstructed';
  target: string;
  /** The person confirmed that an existing `target` may be replaced. Never allows replacing an original. */
  overwrite?: boolean;
}

export interface SaveResult {
  path: string;
  bytes: number;
  rank: number;
  relative_error: number;
  /** Error of the factors as written, measured on W itself: ‖W − Ŵ‖_F/‖W‖_F. */
  measured_error: number;
  /** What the person should know: directions beyond the numerical rank, rounding, saturation. */
  notes: string[];
}

/** Where onnxruntime can multiply: its execution providers. */
export type DeviceName = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

/** The setting `eigenscope.device` and `--device`; `auto` takes the fastest that passes its trial. */
export type DeviceChoice = 'auto' | DeviceName;

/** Where the numbers come from: the status bar, the log and `inspect --json` show it. */
export interface DeviceInfo {
  requested: DeviceChoice;
  /** What multiplies the Gram matrices of large layers: a device, or `wasm` where onnxruntime does not or need not. */
  provider: string;
  /** Its arithmetic: `float64`, or `float32×5` where every number is split into five exactly multiplied slices. */
  precision: string;
  /** Devices that this platform can have. */
  available: DeviceName[];
  /** A trial is under way; the notification `device` tells of its end. */
  trying: boolean;
  /** What the trials measured: seconds for one and the same Gram matrix. */
  timings: { provider: DeviceName; seconds: number }[];
  /** Why others are not used, or no longer. */
  refused: { provider: DeviceName; reason: string }[];
  threads: number;
}

/** A cached answer for the hover: never computes. */
export interface PeekResult {
  layer: LayerResult;
  /** At most 64 points of the ranked log10 σ curve, for the small picture. */
  curve: number[];
}

/* ------------------------------------------------------------------ host → engine */

/** Which checkpoint a message is about. */
export interface DocumentStamp {
  /** The engine's handle: not to be guessed, and known to no other process. */
  document: string;
  /** The path that was asked for when it was opened. */
  path: string;
  /** Version of its files when they were opened. */
  version: string;
}

/** An answer with whose it is: a session refuses what is about another checkpoint than its own. */
export interface Stamped<T> {
  about: DocumentStamp;
  answer: T;
}

export interface EngineRequests extends StampedRequests {
  /** Reads headers. Opening an open path again returns a second handle on the same checkpoint. */
  open: { params: { path: string }; result: Stamped<PackedSummary> };
  /** Cancels the document's jobs and closes its files. Closing one that is not open does nothing. */
  close: { params: { document: string }; result: null };
  /** Cached results only, by checkpoint path. */
  peek: { params: { path: string; layer: string; settings: InspectSettings }; result: Stamped<PeekResult> | null };
  /** As far as it is known: `auto` tries devices when the first layer could gain; this begins the trial of a named one. */
  device: { params: null; result: DeviceInfo };
}

type StampedRequests = {
  [K in keyof DocumentRequests]: {
    params: DocumentRequests[K]['params'];
    result: Stamped<DocumentRequests[K]['result']>;
  };
};

/** Requests about an open checkpoint; each answer carries its stamp. */
export interface DocumentRequests {
  /** What the layer's matrix consists of: fused projections, heads, gates. From the header and the model's configuration. */
  parts: { params: { document: string; layer: string }; result: LayerParts };
  /** Queues tensors, layers or parts of layers (all layers where `names` is absent); answers at once, results come as notifications. */
  inspect: { params: { document: string; names?: string[]; settings: InspectSettings }; result: { queued: number } };
  /** Moves these tensors' jobs to the front, first one first. */
  prioritise: { params: { document: string; names: string[] }; result: null };
  /** Cancels these jobs, or all of the document's. */
  cancel: { params: { document: string; names?: string[] }; result: null };
  /** Everything a layer's view draws; computes what is not cached. */
  spectrum: { params: { document: string; layer: string; settings: InspectSettings }; result: LayerSpectrum };
  /** Tests the fit of alpha by a bootstrap; tells its progress as `testing`. */
  goodness: { params: { document: string; layer: string; settings: InspectSettings }; result: GoodnessOfFit };
  /** How the vectors of the `count` largest singular values are spread; all of them where there are fewer. */
  vectorMetrics: { params: { document: string; layer: string; count: number }; result: LayerVectors };
  /** The `count` largest singular triplets, all of them without it. */
  singularVectors: { params: { document: string; layer: string; count?: number }; result: SingularVectors };
  heatMap: { params: { document: string; layer: string; order: number }; result: HeatMap };
  previewCompression: {
    params: { document: string; layer: string; method: string; rank: RankRequest; settings: InspectSettings };
    result: CompressionPreview;
  };
  saveCompressed: { params: { document: string; request: SaveRequest; settings: InspectSettings }; result: SaveResult };
}

/* ------------------------------------------------------------------ host → header reader */

/** The process that reads headers for hovers: it opens nothing that stays open, and computes nothing. */
export interface HeaderRequests {
  /** Names and shapes; no metadata, and no handle that would be good for anything. */
  headers: { params: { path: string }; result: PackedSummary };
}

/* ------------------------------------------------------------------ engine → host (→ webview) */

export interface EngineNotifications {
  result: DocumentStamp & { result: LayerResult };
  /** `fraction` in [0, 1]. */
  progress: DocumentStamp & { name: string; stage: string; fraction: number };
  queue: DocumentStamp & { done: number; total: number; active: string[] };
  /** A running save's progress. */
  saving: DocumentStamp & { fraction: number; message: string };
  /** A running test of a fit. */
  testing: DocumentStamp & { layer: string; fraction: number };
  /** The checkpoint's files changed, shrank or vanished while open. */
  changed: DocumentStamp & { problem: Problem };
  /** A device was tried, or failed while in use. */
  device: DeviceInfo;
  log: { level: 'info' | 'warn' | 'error'; message: string };
}

/* ------------------------------------------------------------------ webview → host */

export interface ViewRequests {
  /** First message of a view: what to show. Rejects with the open error. */
  ready: { params: null; result: ViewState };
  /** The table is on the screen: what was held back for it, computing, may begin. */
  drawn: { params: null; result: null };
  inspect: { params: { names?: string[] }; result: { queued: number } };
  prioritise: { params: { names: string[] }; result: null };
  cancel: { params: { names?: string[] }; result: null };
  parts: { params: { layer: string }; result: LayerParts };
  spectrum: { params: { layer: string }; result: LayerSpectrum };
  goodness: { params: { layer: string }; result: GoodnessOfFit };
  vectorMetrics: { params: { layer: string; count: number }; result: LayerVectors };
  heatMap: { params: { layer: string; order: number }; result: HeatMap };
  previewCompression: { params: { layer: string; method: string; rank: RankRequest }; result: CompressionPreview };
  /** The host asks for the target with the native dialog; null where the person cancelled it. */
  saveCompressed: { params: Omit<SaveRequest, 'target' | 'overwrite'>; result: SaveResult | null };
  /** Opens the file anew after it changed or the engine could not open it. */
  reload: { params: null; result: ViewState };
  /** Opens the model that this file is a shard of. */
  openWhole: { params: null; result: null };
  /** Shows the settings editor filtered to Eigenscope. */
  openSettings: { params: null; result: null };
  /** Shows the file in VS Code's text editor. */
  openAsText: { params: null; result: null };
  /** All numbers to a file the person chooses; null where cancelled. */
  exportResults: { params: { format: 'json' | 'csv' }; result: { path: string } | null };
}

export interface ViewState {
  summary: PackedSummary;
  /** Results known so far (a moved or restored tab gets them all). */
  results: LayerResult[];
  settings: InspectSettings;
  /** Why these are no longer the files on the disk. */
  changed?: Problem;
  /** Layer to show first, when the editor was opened for one. */
  select?: { layer: string; compress: boolean };
}

/* ------------------------------------------------------------------ host → webview */

export interface ViewNotifications {
  /** Gathered over a moment: they may come by the hundred a second. */
  results: LayerResult[];
  progress: { name: string; stage: string; fraction: number };
  queue: { done: number; total: number; active: string[] };
  saving: { fraction: number; message: string };
  testing: { layer: string; fraction: number };
  changed: Problem;
  /** The engine died (`restarting`), is back (`running`), or gave up (`stopped`). `failed` names the layers it died on. */
  engine: { state: 'running' | 'restarting' | 'stopped'; message: string; failed: string[] };
  select: { layer: string; compress: boolean };
}
