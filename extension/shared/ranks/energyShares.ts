/**
 * How much of a matrix its leading singular directions hold. The one arithmetic from shares of the energy to ranks:
 * suggestions, compression, the page and the terminal all ask it. Pure.
 */
import { zeroBound } from '../numericalZero';

/** Shares of the energy for which a rank is suggested. */
export const ENERGIES = [0.9, 0.95, 0.99] as const;

/** Key of such a suggestion in `LayerResult.ranks`: `energy_0.95`. */
export function energyRule(energy: number): `energy_${string}` {
  return `energy_${energy.toFixed(2)}`;
}

/**
 * The energy of a matrix is Σλ = ‖W‖_F² over its λ = σ². Keeping k directions keeps Σ_{i≤k}λ/Σλ of it, and leaves the
 * error ‖W − W_k‖_F/‖W‖_F = √(Σ_{i>k}λ/Σλ) (Eckart–Young). A zero matrix is kept whole by any rank.
 *
 * Sums are taken over λ/λ₁ from the smallest up, so that small λ keep their digits beside large ones and no sum leaves
 * the range of a double.
 */
export class EnergyShares {
  /** λ of one matrix, largest first. Rounding may leave a zero slightly negative: that is 0 here. */
  readonly eigenvalues: Float64Array;
  /** Σ_{i>k}λ/Σλ at index k = 0 … M. */
  private readonly discarded: Float64Array;

  /** @param eigenvalues λ of one matrix, finite, in any order; not changed */
  constructor(eigenvalues: Float64Array) {
    const descending = eigenvalues.map((value) => Math.max(0, value));
    // Sorting is most of the time that a plan of a whole model takes.
    if (!descending.every((value, i) => i === 0 || value <= descending[i - 1]!)) descending.sort().reverse();
    this.eigenvalues = descending;
    this.discarded = new Float64Array(descending.length + 1);
    const largest = descending[0] ?? 0;
    if (!(largest > 0)) return;
    for (let k = descending.length - 1; k >= 0; k--) {
      this.discarded[k] = this.discarded[k + 1]! + descending[k]! / largest;
    }
    const total = this.discarded[0]!;
    for (let k = 0; k <= descending.length; k++) this.discarded[k] = this.discarded[k]! / total;
  }

  get fullRank(): number {
    return this.eigenvalues.length;
  }

  /** Number of λ above M·ε·λ₁: the others are numerical zeros. */
  get numericalRank(): number {
    const zero = zeroBound(this.eigenvalues[0] ?? 0, this.fullRank);
    const first = this.eigenvalues.findIndex((value) => value <= zero);
    return first < 0 ? this.fullRank : first;
  }

  /** Share of the energy that a rank keeps. @param rank 0 or more; above the full rank it keeps everything */
  kept(rank: number): number {
    return 1 - this.lost(rank);
  }

  /** Share of the energy that a rank leaves out: ‖W − W_k‖_F²/‖W‖_F². @param rank as for `kept` */
  lost(rank: number): number {
    return this.discarded[Math.min(rank, this.fullRank)]!;
  }

  /** ‖W − W_k‖_F/‖W‖_F. @param rank as for `kept` */
  error(rank: number): number {
    return Math.sqrt(this.lost(rank));
  }

  /**
   * Smallest rank k ≥ 1 with Σ_{i≤k}λ ≥ τ·Σλ. The whole energy (τ = 1) is in the directions that are no numerical zeros,
   * and no share asks for more of them than that.
   *
   * A share that falls short of τ by no more than M·ε meets it. Eigenvalues from a Gram matrix are not known better, and
   * shares such as 0.9 are no doubles: the sums here are right to that, so a share that is met exactly is never missed.
   *
   * @param share τ; at most 0 asks for one direction, and more than 1 for all
   */
  rankKeeping(share: number): number {
    const most = Math.max(1, this.numericalRank);
    if (share >= 1) return most;
    // As lost ≤ 1 − τ and not kept ≥ τ: the small differences near full rank keep their digits.
    const allowed = 1 - share + this.fullRank * Number.EPSILON;
    const rank = this.discarded.findIndex((lost) => lost <= allowed);
    return Math.min(Math.max(1, rank), most);
  }
}
