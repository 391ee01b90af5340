/**
 * From what a person asks for (a rank, a share of the energy, a share of the parameters) to a rank. The energy rule
 * and break-even are those of Eigenscope's rank suggestions: energy τ keeps the smallest k with Σ_{i≤k}λ ≥ τ·Σλ.
 */
import type { RankRequest } from '../shared/compressions';
import { CompressionError } from './compressionError';

/**
 * A copy in descending order, as every sum over discarded directions here wants it. Rounding may leave a zero
 * eigenvalue of a Gram matrix slightly negative: those become 0.
 *
 * @param eigenvalues λ = σ² in any order
 */
export function descendingEigenvalues(eigenvalues: Float64Array): Float64Array {
  return Float64Array.from(eigenvalues, (value) => Math.max(0, value))
    .sort()
    .reverse();
}

/**
 * The rank that `request` means for a layer's rows × cols matrix.
 *
 * @param eigenvalues all min(rows, cols) values λ = σ² of the matrix, in any order, conv kernels not scaled
 * @returns an integer in 1 … min(rows, cols)
 * @throws CompressionError `invalid-rank`
 */
export function resolveRank(
  request: RankRequest,
  eigenvalues: Float64Array,
  { layer, rows, cols }: { layer: string; rows: number; cols: number },
): number {
  const refuse = (message: string): never => {
    throw new CompressionError('invalid-rank', message, { layer });
  };
  switch (request.kind) {
    case 'rank':
      return checkedRank(request.rank, rows, cols, refuse);
    case 'energy':
      return rankForEnergy(request.energy, eigenvalues, refuse);
    case 'budget':
      return rankForBudget(request.budget, rows, cols, refuse);
  }
}

/** Throws the sentence it is given, with the layer in front. */
type Refuse = (message: string) => never;

function checkedRank(rank: number, rows: number, cols: number, refuse: Refuse): number {
  const full = Math.min(rows, cols);
  if (!Number.isInteger(rank) || rank < 1 || rank > full) {
    refuse(`rank ${rank} is not possible for a ${rows} × ${cols} matrix; choose a whole number from 1 to ${full}`);
  }
  return rank;
}

function rankForEnergy(energy: number, eigenvalues: Float64Array, refuse: Refuse): number {
  if (!(energy > 0 && energy <= 1)) {
    refuse(`energy ${energy} is not a share; choose one above 0 and up to 1`);
  }
  const descending = descendingEigenvalues(eigenvalues);
  const rounding = descending.length * Number.EPSILON;
  // All energy means every direction that is not numerically zero: sums cannot tell directions below √ε·σ₁ apart.
  if (energy === 1) {
    return Math.max(1, descending.filter((value) => value > rounding * descending[0]!).length);
  }
  const total = descending.reduceRight((sum, value) => sum + value, 0);
  // The slack keeps a sum that equals the goal in exact arithmetic from missing it by its own rounding.
  const goal = energy * total * (1 - rounding);
  let kept = 0;
  for (let i = 0; i < descending.length; i++) {
    kept += descending[i]!;
    if (kept >= goal) return i + 1;
  }
  return descending.length;
}

function rankForBudget(budget: number, rows: number, cols: number, refuse: Refuse): number {
  if (!(budget > 0)) {
    refuse(`a budget of ${budget} of the parameters is not above 0`);
  }
  const share = (rows + cols) / (rows * cols);
  // The slack is for budgets written as decimals, which should not lose a whole rank to their own rounding.
  const rank = Math.floor((budget / share) * (1 + 4 * Number.EPSILON));
  if (rank < 1) {
    refuse(
      `a budget of ${percent(budget, Math.floor)} of the parameters is below rank 1, which takes ${percent(share, Math.ceil)} of a ` +
        `${rows} × ${cols} matrix; choose at least that`,
    );
  }
  return Math.min(rank, rows, cols);
}

/** At least three significant digits, rounded so that what is shown as too little is, and what is shown as enough is. */
function percent(share: number, round: (x: number) => number): string {
  const scale = 10 ** Math.max(1, 2 - Math.floor(Math.log10(share * 100)));
  return `${round(share * 100 * scale) / scale} %`;
}
