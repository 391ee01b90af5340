/** Records of compressing one layer: what rank is asked for, what comes of it, what is saved. */

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
  /**
   * Bytes of the model's tensors as they are stored, and of those that a copy has beside what replaces this layer. A copy
   * has tensors of some formats decoded, and may be the larger file.
   */
  file?: { before: number; others: number };
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
  /** File of statistics, for methods that need them. */
  statistics?: string;
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
