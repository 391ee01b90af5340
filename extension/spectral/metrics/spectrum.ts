/** One spectrum, and the fits and sums that several of its numbers need. Each is made when first asked for, and once. */
import { numericalZero } from '../../shared/numericalZero';
import type { FitRule, PowerLawFit, StoredRounding } from '../../shared/layers';
import { determinantTail, fitBulk, type BulkFit } from '../bulk/bulk';
import { randomisationMetrics, type RandomisationMetrics } from '../bulk/randomisation';
import { wwBulk, type WwBulk } from '../bulk/wwBulk';
import { NOT_ROUNDED } from '../storedRounding';
import { noSpread } from '../tail/powerLaw';
import { ALL_ZERO, missing, type Missing } from '../missing';

export class Spectrum {
  /** λ₁, or 0. */
  readonly largest: number;
  private madeBulk: BulkFit | undefined;
  private madeDeterminantTail: number | Missing | undefined;

  /**
   * @param eigenvalues λ = σ² ascending, of one matrix or pooled over several
   * @param N larger side of each matrix
   * @param M smaller side
   * @param rounding by how much the stored type rounded each matrix
   * @throws RangeError if an eigenvalue is not finite
   */
  constructor(
    readonly eigenvalues: Float64Array,
    readonly N: number,
    readonly M: number,
    readonly rounding: StoredRounding = NOT_ROUNDED,
  ) {
    if (!eigenvalues.every(Number.isFinite)) throw new RangeError('the spectrum is not finite');
    this.largest = eigenvalues.at(-1) ?? 0;
  }

  get isZero(): boolean {
    return !(this.largest > 0);
  }

  /** Values up to this are numerical zeros. */
  get zero(): number {
    return numericalZero(this.eigenvalues, this.M);
  }

  get bulk(): BulkFit {
    return (this.madeBulk ??= fitBulk(this.eigenvalues, this.N, this.M, this.rounding));
  }

  /** `detX_num`, as `determinantTail` defines it. */
  get determinantTail(): number | Missing {
    return (this.madeDeterminantTail ??= this.isZero
      ? ALL_ZERO
      : (determinantTail(this.eigenvalues, this.M, this.rounding) ?? missing(noSpread(this.rounding))));
  }

  /** −Σ p ln p of p = f(λ)/Σ f(λ). @param weight f, a power of λ: its unit does not matter */
  shannon(weight: (value: number) => number): number {
    if (this.isZero) return 0;
    const total = this.sum((value) => weight(value / this.largest));
    return -this.sum((value) => {
      const share = weight(value / this.largest) / total;
      return share > 0 ? share * Math.log(share) : 0;
    });
  }

  /** Smallest first, and rounding noise below zero taken for the zero it stands for. */
  sum(term: (value: number) => number): number {
    let total = 0;
    for (const value of this.eigenvalues) total += term(Math.max(0, value));
    return total;
  }
}

/** What the metrics of a layer are made of. */
export interface LayerSpectrumParts {
  /** λ = σ² ascending, pooled over the matrices, with `conv_norm`. */
  eigenvalues: Float64Array;
  /** N ≥ M of each matrix. */
  N: number;
  M: number;
  fits: Partial<Record<FitRule, PowerLawFit>>;
  /** λ of the matrices with their entries shuffled, as `eigenvalues`, once for each shuffle of the randomisation test. */
  randomised?: readonly Float64Array[];
  /** Small eigenvalues are exact; else they are a float64 Gram matrix's. */
  resolved?: boolean;
  /** By how much the stored type rounded each matrix. */
  rounding?: StoredRounding;
}

/** The spectrum that a layer's metrics are about, with its power-law fits and shuffles. */
export class MeasuredSpectrum extends Spectrum {
  readonly fits: LayerSpectrumParts['fits'];
  readonly resolved: boolean;
  private readonly shuffles: readonly Float64Array[] | undefined;
  private madeWwBulk: WwBulk | Missing | undefined;
  private madeRandomisation: RandomisationMetrics | undefined;

  /** @throws RangeError if an eigenvalue is not finite */
  constructor({ eigenvalues, N, M, fits, randomised, resolved = false, rounding }: LayerSpectrumParts) {
    super(eigenvalues, N, M, rounding);
    this.fits = fits;
    this.resolved = resolved;
    this.shuffles = randomised;
  }

  /** Number of eigenvalues that are no numerical zeros. */
  get rank(): number {
    const { eigenvalues, isZero, zero } = this;
    return isZero ? 0 : eigenvalues.reduce((count, value) => count + (value > zero ? 1 : 0), 0);
  }

  /** WeightWatcher's own fit of the bulk. */
  get wwBulk(): WwBulk | Missing {
    return (this.madeWwBulk ??= wwBulk(this.eigenvalues, this.N, this.M));
  }

  /** undefined if the entries were not shuffled. */
  get randomisation(): RandomisationMetrics | undefined {
    if (!this.shuffles) return undefined;
    return (this.madeRandomisation ??= randomisationMetrics(this.eigenvalues, this.shuffles, this.N, this.M));
  }
}
