import { PROPOSED_ENERGIES, proposedRank, type Proposal, type RankOffer } from './worthFactoring';

/**
 * What keeping k singular directions of one matrix costs and loses, for every k at once: sums of σ², no vectors.
 * ‖W − W_k‖_F² = Σ_{i>k} σᵢ². Pure.
 */
export class RankCurve {
  /** Σ_{i>k} σᵢ² at index k, from k = 0 (everything discarded) to full rank. */
  private readonly discarded: Float64Array;

  /**
   * @param singularValues all min(rows, cols) of them, descending
   * @param size parameters of the matrix, rows × cols, or of the factors that it is stored as
   * @param perRank parameters of one kept direction, rows + cols
   * @param elementBytes bytes of one stored element
   */
  constructor(
    readonly singularValues: Float64Array,
    readonly size: number,
    readonly perRank: number,
    readonly elementBytes: number,
  ) {
    const count = singularValues.length;
    this.discarded = new Float64Array(count + 1);
    // Smallest first, so that the small ones are not lost in the large.
    for (let k = count - 1; k >= 0; k--) this.discarded[k] = this.discarded[k + 1]! + singularValues[k]! ** 2;
  }

  get fullRank(): number {
    return this.singularValues.length;
  }

  /** Largest rank whose factor pair is no larger than the matrix. */
  get breakEven(): number {
    return Math.floor(this.size / this.perRank);
  }

  /** Share of Σσ² kept. */
  energy(rank: number): number {
    const total = this.discarded[0]!;
    return total === 0 ? 1 : 1 - this.discarded[rank]! / total;
  }

  /** ‖W − W_k‖_F / ‖W‖_F. */
  error(rank: number): number {
    const total = this.discarded[0]!;
    return total === 0 ? 0 : Math.sqrt(this.discarded[rank]! / total);
  }

  /** Parameters of the factor pair. */
  parameters(rank: number): number {
    return rank * this.perRank;
  }

  bytes(rank: number): number {
    return this.parameters(rank) * this.elementBytes;
  }

  /** Parameters of the factor pair over those of the matrix. */
  ratio(rank: number): number {
    return this.parameters(rank) / this.size;
  }

  /** Smallest rank that keeps at least this share of Σσ². */
  rankForEnergy(energy: number): number {
    let low = 1;
    let high = this.fullRank;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.energy(middle) >= energy) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Largest rank whose factor pair has at most this share of the parameters, at least 1. */
  rankForBudget(budget: number): number {
    return this.bounded(Math.floor((budget * this.size) / this.perRank + 1e-9));
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
