/** What keeping k singular directions of one matrix costs and loses, for every k at once. No vectors are needed. Pure. */
import { EnergyShares } from './energyShares';
import type { FactorPair } from './factorPair';
import { PROPOSED_ENERGIES, proposedRank, type Proposal, type RankOffer } from './worthFactoring';

export class RankCurve {
  /** Descending, as many as the full rank. */
  readonly singularValues: Float64Array;
  private readonly shares: EnergyShares;

  /**
   * @param eigenvalues all min(rows, cols) values λ = σ² of the matrix, in any order
   * @param pair the sizes of its factors
   * @param elementBytes bytes of one stored element
   * @param fullRank largest rank to choose: less than all of them where the matrix is a product of thin factors
   */
  constructor(
    eigenvalues: Float64Array,
    private readonly pair: FactorPair,
    readonly elementBytes: number,
    readonly fullRank = eigenvalues.length,
  ) {
    this.shares = new EnergyShares(eigenvalues);
    this.singularValues = this.shares.eigenvalues.slice(0, fullRank).map(Math.sqrt);
  }

  /** Parameters of what the pair replaces. */
  get size(): number {
    return this.pair.replaced;
  }

  /** Share of Σσ² kept. */
  energy(rank: number): number {
    return this.shares.kept(rank);
  }

  /** ‖W − W_k‖_F / ‖W‖_F. */
  error(rank: number): number {
    return this.shares.error(rank);
  }

  /** Parameters of the factor pair. */
  parameters(rank: number): number {
    return this.pair.parameters(rank);
  }

  bytes(rank: number): number {
    return this.parameters(rank) * this.elementBytes;
  }

  /** Parameters of the factor pair over those of what it replaces. */
  ratio(rank: number): number {
    return this.pair.ratio(rank);
  }

  /** Smallest rank that keeps at least this share of Σσ². */
  rankForEnergy(energy: number): number {
    return this.bounded(this.shares.rankKeeping(energy));
  }

  /** Largest rank whose factor pair has at most this share of the parameters, at least 1. */
  rankForBudget(budget: number): number {
    return this.bounded(this.pair.rankWithin(budget));
  }

  /** The rank to begin with: one that saves something, and the reason where none is worth its error. */
  proposal(): Proposal {
    const offer = (rank: number): RankOffer => ({ rank, error: this.error(rank), ratio: this.ratio(rank) });
    const offers = PROPOSED_ENERGIES.map((energy) => ({ ...offer(this.rankForEnergy(energy)), energy }));
    return proposedRank(offers, offer(this.rankForBudget(0.5)));
  }

  bounded(rank: number): number {
    return Math.min(this.fullRank, Math.max(1, Math.round(rank)));
  }
}
