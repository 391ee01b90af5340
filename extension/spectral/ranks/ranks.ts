/** What rank a layer needs, by several rules, and what each would keep and cost. Everything follows from σ². */
import { l10n } from '../../shared/language/l10n';
import { EnergyShares } from '../../shared/ranks/energyShares';
import { FactorPair } from '../../shared/ranks/factorPair';
import type { RankSuggestion } from '../../shared/layers';
import type { RankRuleKey } from '../../shared/ranks/rankRules';
import { effectiveRank, stableRank } from '../metrics/metrics';
import type { Spectrum } from '../metrics/spectrum';
import { missing, type Missing } from '../missing';
import { hardThresholdRank } from './hardThreshold';

/** A matrix that ranks are about. */
interface RankMatrix {
  spectrum: Spectrum;
  energy: EnergyShares;
  pair: FactorPair;
}

type RankRule = (matrix: RankMatrix) => number | Missing;

/** All rules but those that need the whole model. In the order in which results hold them. */
const RULES: Readonly<Record<Exclude<RankRuleKey, 'welore'>, RankRule>> = {
  'energy_0.90': ({ energy }) => energy.rankKeeping(0.9),
  'energy_0.95': ({ energy }) => energy.rankKeeping(0.95),
  'energy_0.99': ({ energy }) => energy.rankKeeping(0.99),
  break_even: ({ pair }) => pair.breakEven,
  effective_rank: ({ spectrum }) => roundedUp(effectiveRank(spectrum)),
  stable_rank: ({ spectrum }) => roundedUp(stableRank(spectrum)),
  hard_threshold: ({ spectrum: { eigenvalues, N, M } }) =>
    hardThresholdRank(eigenvalues, N / M) ??
    missing(l10n.english('the median singular value, which tells the noise, is a numerical zero')),
  mp_spikes: ({ spectrum: { bulk } }) => (bulk.status === 'failed' ? missing(bulk.reason) : bulk.num_spikes),
  erg: ({ spectrum }) => spectrum.determinantTail,
};

/**
 * Suggestions by rule name, and why a rule does not apply, by `rank_` and its name. Of a zero matrix there are neither.
 *
 * @param spectrum of one rows × cols matrix, without `conv_norm`
 */
export function rankSuggestions(
  spectrum: Spectrum,
  rows: number,
  cols: number,
): { ranks: Record<string, RankSuggestion>; missing: Record<string, string> } {
  const found: ReturnType<typeof rankSuggestions> = { ranks: {}, missing: {} };
  if (spectrum.isZero) return found;
  const matrix = { spectrum, energy: new EnergyShares(spectrum.eigenvalues), pair: new FactorPair(rows, cols) };
  for (const [rule, rankOf] of Object.entries(RULES)) {
    const rank = rankOf(matrix);
    if (typeof rank !== 'number') found.missing[`rank_${rule}`] = rank.missing;
    else found.ranks[rule] = rankSuggestion(matrix.energy, matrix.pair, Math.min(spectrum.M, rank));
  }
  return found;
}

/** A rank with its error and its cost as a pair of factors. */
export function rankSuggestion(energy: EnergyShares, pair: FactorPair, rank: number): RankSuggestion {
  return { rank, error: energy.error(rank), parameters: pair.parameters(rank), ratio: pair.ratio(rank) };
}

/** A rank that is whole but for rounding must not be raised by one. */
function roundedUp(rank: number): number {
  return Math.ceil(Math.abs(rank - Math.round(rank)) < 1e-9 * rank ? Math.round(rank) : rank);
}
