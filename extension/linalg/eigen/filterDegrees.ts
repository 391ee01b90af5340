/**
 * Degrees of the Chebyshev polynomials that filter a subspace, one pass after the other. Between two passes the vectors are
 * made orthonormal again. One polynomial T_d of a high degree gains more than several of low degrees, as log T_d(t) is
 * d·arcosh(t) − log 2 for large d. But what it enlarges the first vector by more than the last one is lost to rounding.
 */
import type { Bounds } from './dampedInterval';

/** How much a pass over random vectors may enlarge the first one; there is always one that hardly grows. */
const FIRST_GROWTH = 3e8;
/** How much more a pass may enlarge the first of orthonormal vectors than the last that is asked for. */
const LARGEST_GROWTH = 1e10;
/** The passes gain this much for the last vector that is asked for over what is damped. */
const WANTED_GROWTH = 3e5;
/** Polynomials of a higher degree gain too slowly: such a spectrum is solved whole. */
const MOST_STEPS = 400;

export class FilterDegrees {
  /** Logarithm of what is still to be gained. */
  private missing = Math.log(WANTED_GROWTH);
  private gained = 0;

  constructor(private readonly bounds: Bounds) {}

  /** True if the damped interval is so near to what is kept that the passes would take too long. */
  get areTooMany(): boolean {
    return !(this.missing < MOST_STEPS * this.rate(this.bounds.kept));
  }

  /** Share of the gain that the passes so far have made. */
  get share(): number {
    return this.gained / (this.gained + Math.max(0, this.missing));
  }

  /** @returns the degree of the next pass, which counts as made; undefined if there is enough */
  next(): number | undefined {
    if (this.missing <= 0) return undefined;
    const { kept } = this.bounds;
    const later = this.highest(LARGEST_GROWTH, kept);
    const most = this.gained === 0 ? this.highest(FIRST_GROWTH) : later;
    // Passes as few as may be, and alike.
    const passes = 1 + Math.max(0, Math.ceil((this.missing - this.gain(kept, most)) / this.gain(kept, later)));
    const own = (this.missing * most) / (most + (passes - 1) * later);
    const degree = Math.min(
      most,
      firstDegree((tried) => this.gain(kept, tried) >= own),
    );
    this.missing -= this.gain(kept, degree);
    this.gained += this.gain(kept, degree);
    return degree;
  }

  /** Asks for more passes, which gain this much more. */
  add(growth: number): void {
    this.missing = Math.max(0, this.missing) + Math.log(growth);
  }

  /** @param beside an eigenvalue whose vector the first one is compared with; else one that does not grow */
  private highest(growth: number, beside?: number): number {
    const { largest } = this.bounds;
    const tooHigh = (degree: number): boolean =>
      this.gain(largest, degree) - (beside === undefined ? 0 : this.gain(beside, degree)) > Math.log(growth);
    return Math.max(1, firstDegree(tooHigh) - 1);
  }

  /** log T_degree at an eigenvalue, the logarithm of a hyperbolic cosine. */
  private gain(value: number, degree: number): number {
    const exponent = degree * this.rate(value);
    return exponent + Math.log1p(Math.exp(-2 * exponent)) - Math.LN2;
  }

  private rate(value: number): number {
    return Math.acosh(Math.max(1, (2 * value) / this.bounds.damped.high - 1));
  }
}

function firstDegree(holds: (degree: number) => boolean): number {
  let degree = 1;
  while (degree < MOST_STEPS && !holds(degree)) degree++;
  return degree;
}
