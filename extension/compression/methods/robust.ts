/**
 * Method `robust`: low rank and gross outliers, W = L + S. With a rank: alternating projections on matrices of that rank and
 * on those with so many entries. Without: principal component pursuit, which finds both numbers itself.
 *
 * @see Netrapalli et al. 2014, "Non-convex robust PCA"; Candès, Li, Ma & Wright 2011
 */
import { alternate } from '../decomposition/alternating';
import { principalComponentPursuit } from '../decomposition/principalComponentPursuit';
import { entriesSteps, lowRankStep } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import type { LayerMethod, MethodInput, MethodResult, MethodTools } from './method';

export const robust: LayerMethod = (input, tools) => {
  if (input.rank === 0) return pursuit(input, tools);
  const entries = entriesSteps(input);
  // Outliers first: they would turn the singular directions towards themselves.
  const alternation = {
    start: entries,
    steps: [lowRankStep(input, tools), ...entries],
    rounds: input.options.rounds,
    error: frobenius,
  };
  return { ...alternate(input, alternation, tools), notes: [] };
};

function pursuit(input: MethodInput, tools: MethodTools): MethodResult {
  const { lowRank, sparse, gaps, converged } = principalComponentPursuit(input, tools);
  const share = (sparse?.values.length ?? 0) / input.w.length;
  const found =
    `Principal component pursuit found rank ${lowRank?.rank ?? 0} and ${sparse?.values.length ?? 0} outliers ` +
    `(${(100 * share).toPrecision(3)} % of the entries).`;
  return {
    parts: [...(lowRank ? [lowRank] : []), ...(sparse ? [sparse] : [])],
    notes: [found, ...(converged ? [] : [`It stopped after ${gaps.length} steps, before its parts added up to W.`])],
  };
}
