/**
 * The Marchenko–Pastur law: the spectrum of a random matrix. For an N×M matrix (Q = N/M ≥ 1) of i.i.d. entries of
 * variance 1, the eigenvalues of WᵀW/N fill [(1−1/√Q)², (1+1/√Q)²]. At Q = 1 the singular values follow a quarter circle.
 */

/** Nodes of the tabulated distribution function: its error is then far below that of any fit. */
const NODES = 4096;

export class MarchenkoPastur {
  readonly lower: number;
  readonly upper: number;
  /** Distribution function at λ = centre − radius·cos θ for equally spaced θ from 0 to π. */
  private readonly cumulative = new Float64Array(NODES + 1);
  private readonly centre: number;
  private readonly radius: number;
  private halfway: number | undefined;

  /** @param Q aspect ratio N/M ≥ 1 */
  constructor(readonly Q: number) {
    if (!(Q >= 1)) throw new RangeError(`an aspect ratio of ${Q} is below 1`);
    const root = 1 / Math.sqrt(Q);
    this.lower = (1 - root) ** 2;
    this.upper = (1 + root) ** 2;
    this.centre = (this.upper + this.lower) / 2;
    this.radius = (this.upper - this.lower) / 2;
    // In θ the density has no singular edge: radius²·sin²θ/λ, and 1 + cos θ (times the radius) where λ reaches 0.
    const density = (theta: number): number => {
      const lambda = this.lower + 2 * this.radius * Math.sin(theta / 2) ** 2;
      return lambda > 0 ? (this.radius * Math.sin(theta)) ** 2 / lambda : 2 * this.radius;
    };
    const step = Math.PI / NODES;
    for (let node = 0; node < NODES; node++) {
      const theta = node * step;
      const area = (step / 6) * (density(theta) + 4 * density(theta + step / 2) + density(theta + step));
      this.cumulative[node + 1] = this.cumulative[node]! + area;
    }
    const total = this.cumulative[NODES]!;
    for (let node = 0; node <= NODES; node++) this.cumulative[node]! /= total;
  }

  /** Share of the spectrum up to λ (entries of variance 1, divided by N). */
  distribution(lambda: number): number {
    if (lambda <= this.lower) return 0;
    if (lambda >= this.upper) return 1;
    const position = (Math.acos((this.centre - lambda) / this.radius) / Math.PI) * NODES;
    const node = Math.min(NODES - 1, Math.floor(position));
    return this.cumulative[node]! + (position - node) * (this.cumulative[node + 1]! - this.cumulative[node]!);
  }

  /** Share of the spectrum per unit of λ; 0 outside of the edges. Unbounded near 0 for a square matrix. */
  density(lambda: number): number {
    if (!(lambda > this.lower && lambda < this.upper)) return 0;
    return (this.Q / (2 * Math.PI * lambda)) * Math.sqrt((this.upper - lambda) * (lambda - this.lower));
  }

  get median(): number {
    return (this.halfway ??= this.quantile(0.5));
  }

  /** λ below which the given share of the spectrum lies. */
  quantile(share: number): number {
    let low = this.lower;
    let high = this.upper;
    while (high - low > Number.EPSILON * this.upper * 8) {
      const middle = (low + high) / 2;
      if (this.distribution(middle) < share) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  }
}

let latest: MarchenkoPastur | undefined;

/** The law of an aspect ratio; the latest is kept, as matrices of one shape come one after the other. */
export function marchenkoPastur(Q: number): MarchenkoPastur {
  if (latest?.Q !== Q) latest = new MarchenkoPastur(Q);
  return latest;
}
