/** Sizes of two factors beside what they replace: the one arithmetic between ranks, parameters and budgets. Pure. */

/**
 * Relative slack of a budget, so that one written as a decimal does not lose a rank to its own rounding: the decimal, a
 * product and a quotient are each off by at most ε/2.
 */
const BUDGET_SLACK = 4 * Number.EPSILON;

/** W ≈ A·B of rank k, A rows × k and B k × cols: k·(rows + cols) parameters. */
export class FactorPair {
  /** Parameters of one direction. */
  private readonly perRank: number;

  /**
   * @param rows of W
   * @param cols of W
   * @param replaced parameters of what the pair replaces: W, or the factors (or bytes, counted in elements) that it is
   *   stored as
   */
  constructor(
    private readonly rows: number,
    private readonly cols: number,
    readonly replaced = rows * cols,
  ) {
    this.perRank = rows + cols;
  }

  parameters(rank: number): number {
    return rank * this.perRank;
  }

  /** Parameters of the pair over those of what it replaces. */
  ratio(rank: number): number {
    return this.parameters(rank) / this.replaced;
  }

  /** Largest rank whose pair is no larger than what it replaces: ⌊NM/(N+M)⌋ for a matrix. */
  get breakEven(): number {
    return Math.floor(this.replaced / this.perRank);
  }

  /** Largest rank of W whose pair has at most this share of the parameters; 0 if even rank 1 has more. */
  rankWithin(budget: number): number {
    const rank = Math.floor(((budget * this.replaced) / this.perRank) * (1 + BUDGET_SLACK));
    return Math.max(0, Math.min(rank, this.rows, this.cols));
  }
}
