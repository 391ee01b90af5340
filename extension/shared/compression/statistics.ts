/** Statistics of a layer's inputs and gradients, as calibration gives them (science.md §9). */

export interface LayerStatistics {
  /** C = XXᵀ, in × in, summed over tokens; symmetric. */
  readonly gram?: Float64Array;
  /** Mean x of each input. */
  readonly mean?: Float64Array;
  /** Mean |x| of each input. */
  readonly absMean?: Float64Array;
  /** Mean x² of each input: an imatrix. */
  readonly squareMean?: Float64Array;
  /** Fisher information of each weight, out × in, or summed over each row, out. */
  readonly fisher?: Float64Array;
  /** Tokens behind the sums; needed to centre the Gram matrix. */
  readonly tokens?: number;
}

/** What a file of statistics says of itself, for views. */
export interface StatisticsSummary {
  readonly path: string;
  readonly fingerprint: string;
  readonly format: 'safetensors' | 'imatrix';
  /** Made from random inputs, which say nothing of real ones. */
  readonly synthetic: boolean;
  readonly covered: readonly CoveredLayer[];
  /** Layers of the checkpoint without statistics. */
  readonly missing: readonly string[];
  /** Names in the file that no layer has. */
  readonly unknown: readonly string[];
  /** By layer: why what the file has of it cannot be used, in words that name the array. */
  readonly refused: Readonly<Record<string, string>>;
  /** By a block's prefix (`model.layers.3`): 1 − the mean cosine of its input and output. Absent if the file has none. */
  readonly blockInfluence?: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

export interface CoveredLayer {
  readonly layer: string;
  readonly tokens: number | null;
  readonly has: readonly ('gram' | 'mean' | 'absMean' | 'squareMean' | 'fisher')[];
  /** λ_max/λ_min of the Gram matrix; null if it has none or was not looked at; Infinity if it is singular. */
  readonly condition: number | null;
}
