/** How much a language model loses if one layer, one role or one block of it is compressed, and nothing else. */
import type { LayerChoice } from '../../shared/compression/plans';
import type { EvaluatedDecoder, TokenInputs } from '../../shared/decoderRuns';

/** Beginning of the message that says how long the units will take, after the dense model was timed. */
export const ESTIMATE = 'estimate: ';

/** What is compressed together. */
export interface SensitivityUnit {
  readonly name: string;
  /** By the name of the layer, as in plans. */
  readonly layers: Readonly<Record<string, LayerChoice>>;
}

export interface SensitivityRequest {
  readonly model: string;
  readonly units: readonly SensitivityUnit[];
  readonly statistics?: string;
  readonly tokens: TokenInputs;
}

export interface SensitivityRun {
  readonly windows: number;
  readonly length: number;
  readonly tokens: number;
  /** What the tokens are, for people. */
  readonly inputs: string;
  readonly bootstrap: { readonly seed: number; readonly resamples: number };
  readonly dense: EvaluatedDecoder;
  /** In the order of the request. */
  readonly units: readonly EvaluatedDecoder[];
}

/** [lower, upper] of 95 % bootstrap intervals over the units. */
export interface RankCorrelation {
  readonly count: number;
  readonly spearman: { readonly value: number; readonly interval: readonly [number, number] };
  readonly kendall: { readonly value: number; readonly interval: readonly [number, number] };
}

/** A unit with what its spectra say; means over its layers. Null where no layer has the number. */
export interface SensitivityRow extends EvaluatedDecoder {
  readonly layers: readonly string[];
  /** In the model; null if its layers are in several. */
  readonly block: number | null;
  readonly alpha: number | null;
  readonly farms_alpha: number | null;
  /** √(Σ λ that the rank cuts / Σ λ): what plain SVD at this rank loses of the weights. */
  readonly spectral_error: number | null;
}

export interface SensitivityReport extends Omit<SensitivityRun, 'units'> {
  readonly ratio: number;
  readonly method: string;
  readonly by: 'layer' | 'role' | 'block';
  readonly units: readonly SensitivityRow[];
  /** Of KL divergence with the numbers of the spectra; null where units are too few. */
  readonly correlations: Readonly<Record<'alpha' | 'farms_alpha' | 'spectral_error', RankCorrelation | null>>;
}
