/**
 * Eigenvalues of a symmetric tridiagonal matrix by the root-free QL and QR iterations of Pal, Walker and Kahan.
 *
 * @see LAPACK dsterf
 */
import type { Poll, Tridiagonal } from '../kernels/kernels';

/** Sweeps allowed per eigenvalue on average; about 1.7 are needed. */
const SWEEPS_PER_EIGENVALUE = 30;
const USUAL_SWEEPS = 1.7;

/** Sweeps between two polls: each takes n steps, all of these some 5 ms at order 4096. */
const SWEEPS_PER_POLL = 64;

/** Half the distance from 1 to the next float64. */
const EPSILON = Number.EPSILON / 2;

/**
 * Off-diagonal elements below this share of the matrix's norm are dropped: far below the rounding of the reduction
 * that made the matrix, and it keeps numerically rank-deficient spectra from iterating on noise.
 */
const NEGLIGIBLE_SHARE = EPSILON / 1024;

/**
 * All eigenvalues, ascending, each within a small multiple of ε times the norm. The arguments are left as they are.
 *
 * @param poll may throw to stop
 * @throws Error where the iteration does not converge (seen for no finite matrix)
 */
export function tridiagonalEigenvalues({ diagonal, offDiagonal }: Tridiagonal, poll?: Poll): Float64Array {
  const n = diagonal.length;
  const d = Float64Array.from(diagonal);
  let norm = 0;
  for (let i = 0; i < n; i++) norm = Math.max(norm, Math.abs(d[i]!), Math.abs(offDiagonal[i] ?? 0));
  if (!(norm < Infinity)) throw new RangeError('the tridiagonal matrix holds a NaN or an infinity');
  if (norm === 0) return d;
  // A power of two, so that dividing by it and multiplying back change no digit.
  norm = 2 ** Math.floor(Math.log2(norm));
  const e = new Float64Array(n);
  for (let i = 0; i < n - 1; i++) e[i] = (offDiagonal[i]! / norm) ** 2;
  for (let i = 0; i < n; i++) d[i] = d[i]! / norm;

  const iteration = new Iteration(d, e, poll);
  for (let start = 0; start < n;) {
    let end = start;
    while (end < n - 1 && !iteration.negligible(end)) end++;
    e[end] = 0;
    if (end > start) {
      // Working away from the larger end keeps graded matrices accurate.
      if (Math.abs(d[end]!) < Math.abs(d[start]!)) iteration.qr(start, end);
      else iteration.ql(start, end);
    }
    start = end + 1;
  }
  for (let i = 0; i < n; i++) d[i] = d[i]! * norm;
  return d.sort();
}

/** The iteration's state: diagonal and squared off-diagonal elements, overwritten in place. */
class Iteration {
  private sweepsLeft: number;

  constructor(
    private readonly d: Float64Array,
    private readonly e: Float64Array,
    private readonly poll: Poll | undefined,
  ) {
    this.sweepsLeft = SWEEPS_PER_EIGENVALUE * d.length;
  }

  /** True if the element between rows i and i + 1 may be dropped. */
  negligible(i: number): boolean {
    const bound = EPSILON * EPSILON * Math.abs(this.d[i]! * this.d[i + 1]!);
    return this.e[i]! <= bound + NEGLIGIBLE_SHARE * NEGLIGIBLE_SHARE;
  }

  /** Eigenvalues of the block [l, end], found from its top. */
  ql(l: number, end: number): void {
    const { d, e } = this;
    while (l <= end) {
      let m = l;
      while (m < end && !this.negligible(m)) m++;
      if (m < end) e[m] = 0;
      if (m === l) {
        l++;
        continue;
      }
      if (m === l + 1) {
        this.pair(l, l + 1, l);
        l += 2;
        continue;
      }
      const sigma = this.shift(d[l]!, d[l + 1]!, e[l]!);
      let c = 1;
      let s = 0;
      let gamma = d[m]! - sigma;
      let p = gamma * gamma;
      for (let i = m - 1; i >= l; i--) {
        const bb = e[i]!;
        const r = p + bb;
        if (i !== m - 1) e[i + 1] = s * r;
        const oldC = c;
        c = p / r;
        s = bb / r;
        const oldGamma = gamma;
        const alpha = d[i]!;
        gamma = c * (alpha - sigma) - s * oldGamma;
        d[i + 1] = oldGamma + (alpha - gamma);
        p = c !== 0 ? (gamma * gamma) / c : oldC * bb;
      }
      e[l] = s * p;
      d[l] = sigma + gamma;
    }
  }

  /** Eigenvalues of the block [end, l], found from its bottom. */
  qr(end: number, l: number): void {
    const { d, e } = this;
    while (l >= end) {
      let m = l;
      while (m > end && !this.negligible(m - 1)) m--;
      if (m > end) e[m - 1] = 0;
      if (m === l) {
        l--;
        continue;
      }
      if (m === l - 1) {
        this.pair(l - 1, l, l - 1);
        l -= 2;
        continue;
      }
      const sigma = this.shift(d[l]!, d[l - 1]!, e[l - 1]!);
      let c = 1;
      let s = 0;
      let gamma = d[m]! - sigma;
      let p = gamma * gamma;
      for (let i = m; i < l; i++) {
        const bb = e[i]!;
        const r = p + bb;
        if (i !== m) e[i - 1] = s * r;
        const oldC = c;
        c = p / r;
        s = bb / r;
        const oldGamma = gamma;
        const alpha = d[i + 1]!;
        gamma = c * (alpha - sigma) - s * oldGamma;
        d[i] = oldGamma + (alpha - gamma);
        p = c !== 0 ? (gamma * gamma) / c : oldC * bb;
      }
      e[l - 1] = s * p;
      d[l] = sigma + gamma;
    }
  }

  /** Wilkinson's shift for the corner element p, its neighbour q and the square of the element between them. */
  private shift(p: number, q: number, square: number): number {
    if (this.sweepsLeft-- === 0) throw new Error('the eigenvalue iteration did not converge');
    if (this.sweepsLeft % SWEEPS_PER_POLL === 0) {
      const sweeps = SWEEPS_PER_EIGENVALUE * this.d.length - this.sweepsLeft;
      this.poll?.(Math.min(1, sweeps / (USUAL_SWEEPS * this.d.length)));
    }
    const root = Math.sqrt(square);
    const half = (q - p) / (2 * root);
    const length = Math.hypot(half, 1);
    return p - root / (half + (half < 0 ? -length : length));
  }

  /** Eigenvalues of the 2×2 block of rows i and j. @see LAPACK dlae2 */
  private pair(i: number, j: number, between: number): void {
    const { d, e } = this;
    const sum = d[i]! + d[j]!;
    const difference = Math.abs(d[i]! - d[j]!);
    const b = Math.sqrt(e[between]!);
    const root = Math.hypot(difference, 2 * b);
    const large = Math.max(Math.abs(d[i]!), Math.abs(d[j]!));
    const small = Math.abs(d[i]!) > Math.abs(d[j]!) ? d[j]! : d[i]!;
    const signed = Math.abs(d[i]!) > Math.abs(d[j]!) ? d[i]! : d[j]!;
    if (large === 0 || sum === 0) {
      d[i] = root / 2;
      d[j] = -root / 2;
    } else {
      const outer = (sum < 0 ? sum - root : sum + root) / 2;
      d[i] = outer;
      d[j] = (signed / outer) * small - (b / outer) * b;
    }
    e[between] = 0;
  }
}
