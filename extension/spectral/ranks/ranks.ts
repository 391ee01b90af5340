/**
 * What rank a layer needs, by several rules, and what each would keep and cost. Everything follows from σ²; for several
 * matrices of one shape (kernel positions) one rank is given to all of them.
 */
import type { RankSuggestion, StoredRounding } from '../../shared/layers';
import { determinantTail, fitBulk } from '../bulk/bulk';
import { hardThresholdRank } from './hardThreshold';
import { shannon } from '../metrics/metrics';
import { NOT_ROUNDED } from '../storedRounding';
import { largestOf } from '../../shared/extremes';

const ENERGIES = [0.9, 0.95, 0.99] as const;

/** ⌊NM/(N+M)⌋: a factor pair of a higher rank is larger than the matrix. */
export function breakEvenRank(rows: number, cols: number): number {
  return Math.floor((rows * cols) / (rows + cols));
}

/**
 * Discarded share of Σλ for every rank 0…M, summed over the matrices: [1, …, 0].
 *
 * @param perMatrix λ ascending, one array a matrix, without `conv_norm`
 */
export function discardedEnergy(perMatrix: readonly Float64Array[]): Float64Array {
  const side = perMatrix.reduce((longest, { length }) => Math.max(longest, length), 0);
  const discarded = new Float64Array(side + 1);
  const largest = perMatrix.reduce((most, eigenvalues) => Math.max(most, eigenvalues.at(-1) ?? 0), 0);
  if (!(largest > 0)) return discarded;
  // Smallest eigenvalues first: they would be lost in the sum of the large ones.
  for (let rank = side - 1; rank >= 0; rank--) {
    let level = 0;
    for (const eigenvalues of perMatrix)
      level += Math.max(0, eigenvalues[eigenvalues.length - 1 - rank] ?? 0) / largest;
    discarded[rank] = discarded[rank + 1]! + level;
  }
  const total = discarded[0]!;
  return discarded.map((value) => value / total);
}

/** ‖W − W_k‖_F/‖W‖_F for every rank k = 0…M, exact (Eckart–Young). */
export function errorCurve(perMatrix: readonly Float64Array[]): Float64Array {
  return discardedEnergy(perMatrix).map(Math.sqrt);
}

/** Share of ‖W‖_F² that rank k keeps. */
export function keptEnergy(perMatrix: readonly Float64Array[], rank: number): number {
  const discarded = discardedEnergy(perMatrix);
  return 1 - discarded[Math.min(rank, discarded.length - 1)]!;
}

/** Smallest rank that keeps at least the share τ of Σλ, 0 < τ ≤ 1. */
export function energyRank(perMatrix: readonly Float64Array[], energy: number): number {
  return rankKeeping(discardedEnergy(perMatrix), energy);
}

/**
 * Suggestions by rule name. Rules that look at one matrix (`effective_rank`, `stable_rank`, `hard_threshold`,
 * `mp_spikes`, `erg`) take the largest rank that any of the matrices asks for, so that none is cut below its own.
 * A rule that does not apply is left out; none is given for a zero matrix.
 *
 * @param perMatrix λ ascending, one array a matrix, without `conv_norm`
 * @param rows of each matrix
 * @param cols of each matrix
 * @param rounding of each matrix
 */
export function rankSuggestions(
  perMatrix: readonly Float64Array[],
  rows: number,
  cols: number,
  rounding: StoredRounding = NOT_ROUNDED,
): Record<string, RankSuggestion> {
  const discarded = discardedEnergy(perMatrix);
  if (!(discarded[0]! > 0)) return {};
  const N = Math.max(rows, cols);
  const M = Math.min(rows, cols);
  const suggestions: Record<string, RankSuggestion> = {};
  const suggest = (rule: string, rank: number | undefined): void => {
    if (rank === undefined) return;
    suggestions[rule] = suggestion(discarded, Math.min(M, rank), rows, cols, perMatrix.length);
  };
  const largest = (rank: (eigenvalues: Float64Array) => number | undefined): number | undefined => {
    const ranks = perMatrix.filter(({ length }) => length > 0).map(rank);
    return ranks.includes(undefined) ? undefined : largestOf(ranks as number[], 0);
  };
  for (const energy of ENERGIES) suggest(`energy_${energy.toFixed(2)}`, rankKeeping(discarded, energy));
  suggest('break_even', breakEvenRank(rows, cols));
  suggest(
    'effective_rank',
    largest((values) => Math.ceil(roundNoise(Math.exp(shannon(values, Math.sqrt))))),
  );
  suggest(
    'stable_rank',
    largest((values) => Math.ceil(roundNoise(stableRank(values)))),
  );
  suggest(
    'hard_threshold',
    largest((values) => hardThresholdRank(values, N / M)),
  );
  suggest(
    'mp_spikes',
    largest((values) => fitBulk(values, N, M, rounding).num_spikes ?? undefined),
  );
  suggest(
    'erg',
    largest((values) => determinantTail(values, M, rounding)),
  );
  return suggestions;
}

/** A rank with its error and its cost as factor pairs. @param matrices number of matrices of that shape */
export function rankSuggestion(
  perMatrix: readonly Float64Array[],
  rank: number,
  rows: number,
  cols: number,
): RankSuggestion {
  return suggestion(discardedEnergy(perMatrix), rank, rows, cols, perMatrix.length);
}

function suggestion(
  discarded: Float64Array,
  rank: number,
  rows: number,
  cols: number,
  matrices: number,
): RankSuggestion {
  return {
    rank,
    error: Math.sqrt(discarded[Math.min(rank, discarded.length - 1)]!),
    parameters: matrices * rank * (rows + cols),
    ratio: (rank * (rows + cols)) / (rows * cols),
  };
}

function rankKeeping(discarded: Float64Array, energy: number): number {
  // As discarded ≤ 1 − τ and not kept ≥ τ: the small differences near full rank keep their digits. The slack keeps a
  // share that is met exactly from being missed by rounding.
  const allowed = energy < 1 ? 1 - energy + discarded.length * Number.EPSILON : 0;
  const rank = discarded.findIndex((value) => value <= allowed);
  return rank === -1 ? discarded.length - 1 : rank;
}

function stableRank(eigenvalues: Float64Array): number {
  const largest = eigenvalues.at(-1)!;
  return largest > 0 ? eigenvalues.reduce((sum, value) => sum + Math.max(0, value), 0) / largest : 0;
}

/** A rank that is whole but for rounding must not be raised by one. */
function roundNoise(rank: number): number {
  return Math.abs(rank - Math.round(rank)) < 1e-9 * rank ? Math.round(rank) : rank;
}
