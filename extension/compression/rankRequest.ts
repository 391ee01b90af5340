/** From what a person asks for (a rank, a share of the energy, a share of the parameters) to a rank. */
import type { RankRequest } from '../shared/compressions';
import { EnergyShares } from '../shared/ranks/energyShares';
import { FactorPair } from '../shared/ranks/factorPair';
import { CompressionError } from './compressionError';

/** 10³⁰⁸ is the largest power of ten that a double holds. */
const MAX_DECIMALS = 308;

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
  return new EnergyShares(eigenvalues).rankKeeping(energy);
}

function rankForBudget(budget: number, rows: number, cols: number, refuse: Refuse): number {
  if (!(budget > 0)) {
    refuse(`a budget of ${budget} of the parameters is not above 0`);
  }
  const pair = new FactorPair(rows, cols);
  const rank = pair.rankWithin(budget);
  if (rank < 1) {
    const share = pair.ratio(1);
    refuse(
      `a budget of ${percent(budget, Math.floor)} of the parameters is below rank 1, which takes ${percent(share, Math.ceil)} of a ` +
        `${rows} × ${cols} matrix; choose at least that`,
    );
  }
  return rank;
}

/** At least three significant digits: rounded down where it was refused, and up where it is needed. */
function percent(share: number, round: (x: number) => number): string {
  const scale = 10 ** Math.min(MAX_DECIMALS, Math.max(1, 2 - Math.floor(Math.log10(share * 100))));
  return `${round(share * 100 * scale) / scale}%`;
}
