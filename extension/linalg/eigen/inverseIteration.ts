/**
 * Eigenvectors of an unreduced symmetric tridiagonal matrix by inverse iteration, with reorthogonalisation among close
 * eigenvalues.
 *
 * @see LAPACK dstein, dlagtf, dlagts
 */
import { norm, takeOut } from './gramSchmidt';
import type { Tridiagonal } from '../kernels/kernels';

const EPSILON = Number.EPSILON / 2;
/** Vectors of eigenvalues closer than this share of the norm are made orthogonal to each other. */
const CLUSTER_SHARE = 1e-3;
/**
 * Eigenvalues that follow each other closer than this many roundings of the norm count as one multiple eigenvalue. All its
 * vectors are iterated with one shift a little beside it, which amplifies them alike: a shift on top of one of them would
 * bring back the vectors that were found already, with their errors.
 */
const COINCIDENT_ROUNDINGS = 8;
/** Rounds of inverse iteration: two suffice but for unlucky starting vectors. */
const MAX_ROUNDS = 8;
/** Rounds after the growth that tells convergence. */
const EXTRA_ROUNDS = 2;
/**
 * Distances of the shift, in roundings of the norm, that are tried until the residual is good: the farther it is from a
 * tight cluster, the more evenly all its vectors grow, and the less of the errors of those found before comes back.
 */
const SHIFT_ROUNDINGS = [0, 64, 512, 4096];
/** Residuals of this many roundings of the norm are as good as they get for large orders. */
const GOOD_ROUNDINGS = 128;
/** Above this share of the norm a vector is wrong rather than inexact. */
const WORST_RESIDUAL = 1e-11;
/** Vectors are scaled down when an element outgrows this during a solve. */
const HUGE = 2 ** 300;

/** Eigenvectors of one unreduced block, asked for in descending order of their eigenvalues. */
export class BlockVectors {
  private readonly n: number;
  /** Pivots, first and second superdiagonal of U, multipliers of L, and whether rows i and i+1 were swapped. */
  private readonly pivot: Float64Array;
  private readonly upper: Float64Array;
  private readonly upper2: Float64Array;
  private readonly lower: Float64Array;
  private readonly swapped: Uint8Array;
  private readonly found: Float64Array[] = [];
  /** First vector of the current cluster in `found`. */
  private clusterStart = 0;
  /** First eigenvalue of the current group that counts as one. */
  private coincidentStart = 0;
  private seed = 1;

  constructor(
    private readonly block: Tridiagonal,
    /** Eigenvalues whose vectors will be asked for, descending. */
    private readonly values: number[],
    /** Norm of the whole matrix: what counts as small. */
    private readonly norm: number,
  ) {
    this.n = block.diagonal.length;
    this.pivot = new Float64Array(this.n);
    this.upper = new Float64Array(this.n);
    this.upper2 = new Float64Array(this.n);
    this.lower = new Float64Array(this.n);
    this.swapped = new Uint8Array(this.n);
  }

  /** The vector of the next eigenvalue. @throws Error where it does not converge */
  next(): Float64Array {
    const { n, norm, found, values } = this;
    if (n === 1) return Float64Array.of(1);
    const index = found.length;
    const eigenvalue = values[index]!;
    const above = index > 0 ? values[index - 1]! - eigenvalue : Infinity;
    if (above > CLUSTER_SHARE * norm) this.clusterStart = index;
    if (above > COINCIDENT_ROUNDINGS * EPSILON * norm) this.coincidentStart = index;
    const shift = this.shiftFor(this.coincidentStart);

    let best: Float64Array | undefined;
    let smallest = Infinity;
    for (const roundings of SHIFT_ROUNDINGS) {
      const vector = this.iterate(shift + roundings * EPSILON * norm);
      const residual = this.residual(vector, eigenvalue);
      if (residual < smallest) {
        best = vector;
        smallest = residual;
      }
      if (smallest <= GOOD_ROUNDINGS * EPSILON * norm) break;
    }
    if (!best || smallest > WORST_RESIDUAL * norm) {
      throw new Error(`an eigenvector did not converge (residual ${smallest} for norm ${norm})`);
    }
    // A vector's sign is arbitrary: its largest element is made positive.
    if (best[largestIndex(best)]! < 0) for (let i = 0; i < n; i++) best[i] = -best[i]!;
    found.push(best);
    return best;
  }

  /** Inverse iteration from a random vector, kept orthogonal to the cluster's vectors found so far. */
  private iterate(shift: number): Float64Array {
    const { n, norm } = this;
    this.factor(shift);
    const vector = new Float64Array(n);
    for (let i = 0; i < n; i++) vector[i] = this.random();
    normalise(vector);
    for (let round = 0, converged = 0; round < MAX_ROUNDS && converged <= EXTRA_ROUNDS; round++) {
      const growth = this.solve(vector);
      // Only what grew is part of the eigenvector: a solve that gains little has not reached it yet.
      takeOut(this.found, this.clusterStart, vector);
      const length = normalise(vector);
      if (length * growth * norm * EPSILON * n >= 1e-2 / Math.sqrt(n)) converged++;
    }
    takeOut(this.found, this.clusterStart, vector);
    normalise(vector);
    return vector;
  }

  /** Just above the eigenvalue, at the distance of the last one that coincides with it. */
  private shiftFor(first: number): number {
    const { values, norm } = this;
    const coincident = COINCIDENT_ROUNDINGS * EPSILON * norm;
    let last = first;
    while (last + 1 < values.length && values[last]! - values[last + 1]! <= coincident) last++;
    return 2 * values[first]! - values[last]!;
  }

  /** LU of T − shift with partial pivoting; vanishing pivots are replaced by ε·norm. */
  private factor(shift: number): void {
    const { n, pivot, upper, upper2, lower, swapped } = this;
    const { diagonal, offDiagonal } = this.block;
    const smallest = EPSILON * this.norm;
    let d = diagonal[0]! - shift;
    let u = offDiagonal[0]!;
    for (let i = 0; i < n - 1; i++) {
      const below = offDiagonal[i]!;
      const nextD = diagonal[i + 1]! - shift;
      const nextU = offDiagonal[i + 1] ?? 0;
      if (Math.abs(d) >= Math.abs(below)) {
        swapped[i] = 0;
        pivot[i] = Math.abs(d) < smallest ? smallest : d;
        upper[i] = u;
        upper2[i] = 0;
        lower[i] = below / pivot[i]!;
        d = nextD - lower[i]! * u;
        u = nextU;
      } else {
        swapped[i] = 1;
        pivot[i] = below;
        upper[i] = nextD;
        upper2[i] = nextU;
        lower[i] = d / below;
        d = u - lower[i]! * nextD;
        u = -lower[i]! * nextU;
      }
    }
    pivot[n - 1] = Math.abs(d) < smallest ? smallest : d;
  }

  /** x ← (T − shift)⁻¹·x up to a power of two, which is returned: the true solution is x times it. */
  private solve(x: Float64Array): number {
    const { n, pivot, upper, upper2, lower, swapped } = this;
    for (let i = 0; i < n - 1; i++) {
      if (swapped[i]) {
        const first = x[i]!;
        x[i] = x[i + 1]!;
        x[i + 1] = first - lower[i]! * x[i]!;
      } else x[i + 1] = x[i + 1]! - lower[i]! * x[i]!;
    }
    let growth = 1;
    for (let i = n - 1; i >= 0; i--) {
      let sum = x[i]!;
      if (i < n - 1) sum -= upper[i]! * x[i + 1]!;
      if (i < n - 2) sum -= upper2[i]! * x[i + 2]!;
      x[i] = sum / pivot[i]!;
      if (Math.abs(x[i]!) > HUGE) {
        for (let j = 0; j < n; j++) x[j] = x[j]! / HUGE;
        growth *= HUGE;
      }
    }
    return growth;
  }

  private residual(x: Float64Array, eigenvalue: number): number {
    const { diagonal, offDiagonal } = this.block;
    let square = 0;
    for (let i = 0; i < x.length; i++) {
      let value = (diagonal[i]! - eigenvalue) * x[i]!;
      if (i > 0) value += offDiagonal[i - 1]! * x[i - 1]!;
      if (i < x.length - 1) value += offDiagonal[i]! * x[i + 1]!;
      square += value * value;
    }
    return Math.sqrt(square);
  }

  /** Uniform in (−1, 1), the same sequence for every run. @see Lehmer 1949, Park & Miller 1988 */
  private random(): number {
    this.seed = (this.seed * 48271) % 2147483647;
    return (2 * this.seed) / 2147483647 - 1;
  }
}

/** Scales to length 1 and returns the length it had. */
function normalise(x: Float64Array): number {
  const length = norm(x);
  if (!(length > 0 && length < Infinity)) throw new Error('inverse iteration broke down');
  for (let i = 0; i < x.length; i++) x[i] = x[i]! / length;
  return length;
}

function largestIndex(x: Float64Array): number {
  let best = 0;
  for (let i = 1; i < x.length; i++) if (Math.abs(x[i]!) > Math.abs(x[best]!)) best = i;
  return best;
}
