/**
 * Method `robust`: low rank and gross outliers, W = L + S. With a rank: alternating projections on matrices of that rank and
 * on those with so many entries. Without: principal component pursuit, which finds both numbers itself. Where the layer has a
 * mask, both fit the kept entries alone: low rank is then a completion, by alternating least squares.
 *
 * @see Netrapalli et al. 2014, "Non-convex robust PCA"; Candès, Li, Ma & Wright 2011 (§1.6: incomplete entries)
 */
import { shareOf } from '../../shared/compression/rankLimits';
import { CompressionError } from '../compressionError';
import { alternate, type Step } from '../decomposition/alternating';
import { completion, keptEntries, masked } from '../decomposition/completion';
import { largestEntries } from '../decomposition/largest';
import { principalComponentPursuit } from '../decomposition/principalComponentPursuit';
import { entriesSteps, lowRankStep } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import type { LayerMethod, MethodInput, MethodResult, MethodTools } from './method';

export const robust: LayerMethod = (input, tools) => {
  const { mask, layer, w } = input;
  const kept = mask ? keptEntries(mask) : w.length;
  if (kept === 0) {
    throw new CompressionError('unsupported', 'its mask keeps no entry, so there is nothing to fit', { layer });
  }
  const notes = kept < w.length ? [maskNote(1 - kept / w.length)] : [];
  const found = input.rank === 0 ? pursuit(input, tools) : alternating(input, kept, tools);
  return { ...found, notes: [...notes, ...found.notes] };
};

function maskNote(share: number): string {
  return `The mask of the layer takes out ${(100 * share).toPrecision(3)} % of its entries: errors are those of the others.`;
}

function alternating(input: MethodInput, kept: number, tools: MethodTools): MethodResult {
  const { mask, options } = input;
  const entries = mask ? keptEntriesSteps(mask, shareOf(options.sparse, kept)) : entriesSteps(input);
  // Outliers first: they would turn the singular directions towards themselves.
  const alternation = {
    start: entries,
    steps: [mask ? completionStep(input, mask, tools) : lowRankStep(input, tools), ...entries],
    rounds: options.rounds,
    error: mask ? (rest: Float64Array) => frobenius(masked(rest, mask)) : frobenius,
  };
  return { ...alternate(input, alternation, tools), notes: [] };
}

function completionStep({ rank }: MethodInput, mask: Uint8Array, { kernels }: MethodTools): Step {
  return {
    term: 'lowRank',
    fit: (target, poll, current) =>
      completion(target, mask, rank, { kernels, poll }, current?.kind === 'product' ? current : undefined),
  };
}

/** The largest entries of those that are kept. None if the count is 0. */
function keptEntriesSteps(mask: Uint8Array, count: number): Step[] {
  if (count === 0) return [];
  return [
    { term: 'sparse', fit: (target, poll) => largestEntries({ ...target, w: masked(target.w, mask) }, count, poll) },
  ];
}

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
