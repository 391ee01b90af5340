/** What rank a layer needs, by several rules, and what each would keep and cost. Everything follows from σ². */
import { ENERGIES, energyRule, EnergyShares } from '../../shared/energyShares';
import { FactorPair } from '../../shared/factorPair';
import type { RankSuggestion, StoredRounding } from '../../shared/layers';
import { determinantTail, fitBulk } from '../bulk/bulk';
import { hardThresholdRank } from './hardThreshold';
import { shannon } from '../metrics/metrics';
import { NOT_ROUNDED } from '../storedRounding';

/**
 * Suggestions by rule name. A rule that does not apply is left out; none is given for a zero matrix.
 *
 * @param eigenvalues λ ascending of the matrix, without `conv_norm`
 */
export function rankSuggestions(
  eigenvalues: Float64Array,
  rows: number,
  cols: number,
  rounding: StoredRounding = NOT_ROUNDED,
): Record<string, RankSuggestion> {
  if (!((eigenvalues.at(-1) ?? 0) > 0)) return {};
  const N = Math.max(rows, cols);
  const M = Math.min(rows, cols);
  const energy = new EnergyShares(eigenvalues);
  const pair = new FactorPair(rows, cols);
  const suggestions: Record<string, RankSuggestion> = {};
  const suggest = (rule: string, rank: number | undefined): void => {
    if (rank !== undefined) suggestions[rule] = rankSuggestion(energy, pair, Math.min(M, rank));
  };
  for (const share of ENERGIES) suggest(energyRule(share), energy.rankKeeping(share));
  suggest('break_even', pair.breakEven);
  suggest('effective_rank', Math.ceil(roundNoise(Math.exp(shannon(eigenvalues, Math.sqrt)))));
  suggest('stable_rank', Math.ceil(roundNoise(stableRank(eigenvalues))));
  suggest('hard_threshold', hardThresholdRank(eigenvalues, N / M));
  suggest('mp_spikes', fitBulk(eigenvalues, N, M, rounding).num_spikes ?? undefined);
  suggest('erg', determinantTail(eigenvalues, M, rounding));
  return suggestions;
}

/** A rank with its error and its cost as a pair of factors. */
export function rankSuggestion(energy: EnergyShares, pair: FactorPair, rank: number): RankSuggestion {
  return { rank, error: energy.error(rank), parameters: pair.parameters(rank), ratio: pair.ratio(rank) };
}

function stableRank(eigenvalues: Float64Array): number {
  const largest = eigenvalues.at(-1)!;
  return largest > 0 ? eigenvalues.reduce((sum, value) => sum + Math.max(0, value), 0) / largest : 0;
}

/** A rank that is whole but for rounding must not be raised by one. */
function roundNoise(rank: number): number {
  return Math.abs(rank - Math.round(rank)) < 1e-9 * rank ? Math.round(rank) : rank;
}
