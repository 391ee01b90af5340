/**
 * Plain TypeScript kernels: the shortest correct form of each, unblocked, so that they share nothing with the WASM
 * ones but the interface. Tests hold the two equal.
 */
import type { BandPanel, Kernels, Reduction, Tridiagonal } from './kernels';
import { NEGLIGIBLE_SQUARE } from './negligible';

/** Rows between two polls: small enough for a quick cancel, large enough to cost nothing. */
const ROWS_PER_POLL = 32;

export const kernelTwin: Kernels = {
  kind: 'typescript',

  tridiagonalise(a, n, _keepReflectors, poll): Reduction {
    const diagonal = new Float64Array(n);
    const offDiagonal = new Float64Array(Math.max(0, n - 1));
    const scales = new Float64Array(n);
    const w = new Float64Array(n);
    for (let i = n - 1; i > 0; i--) {
      if (i % ROWS_PER_POLL === 0) poll?.(1 - (i / n) ** 3);
      diagonal[i] = a[i * n + i]!;
      const v = a.subarray(i * n, i * n + i);
      const { beta, scale } = makeReflector(v);
      offDiagonal[i - 1] = beta;
      scales[i] = scale;
      if (scale !== 0) updateLeading(a, n, i, v, scale, w);
    }
    if (n > 0) diagonal[0] = a[0]!;
    return { diagonal, offDiagonal, scales };
  },

  applyReflectors(a, scales, n, vectors, k, poll): void {
    for (let r = 0; r < k; r++) {
      if (r % ROWS_PER_POLL === 0) poll?.(r / k);
      const z = vectors.subarray(r * n, r * n + n);
      for (let i = 1; i < n; i++) {
        const v = a.subarray(i * n, i * n + i);
        const factor = -scales[i]! * dot(v, z, i);
        if (factor !== 0) for (let j = 0; j < i; j++) z[j] = z[j]! + factor * v[j]!;
      }
    }
  },

  positivePivots(band, n, width, smallest): number {
    const a = band.slice();
    const at = (i: number, j: number): number => i * (width + 1) + width - i + j;
    let positive = 0;
    for (let i = 0; i < n; i++) {
      const found = a[at(i, i)]!;
      const pivot = Math.abs(found) < smallest ? smallest : found;
      if (pivot > 0) positive++;
      for (let r = Math.min(n - 1, i + width); r > i; r--) {
        const factor = a[at(r, i)]! / pivot;
        for (let c = i + 1; c <= r; c++) a[at(r, c)] = a[at(r, c)]! - factor * a[at(c, i)]!;
      }
    }
    return positive;
  },

  reduceBandPanel(rows, count, width): BandPanel {
    const betas = new Float64Array(count);
    const scales = new Float64Array(count);
    for (let k = count - 1; k >= 0; k--) {
      const pivot = width - count + k;
      if (pivot < 0) continue;
      const v = rows.subarray(k * width, k * width + pivot + 1);
      const { beta, scale } = makeReflector(v);
      betas[k] = beta;
      scales[k] = scale;
      v[pivot] = 1;
      for (let j = 0; j < k; j++) {
        const row = rows.subarray(j * width, j * width + pivot + 1);
        const factor = scale * dot(v, row, pivot + 1);
        for (let at = 0; at <= pivot; at++) row[at] = row[at]! - factor * v[at]!;
      }
    }
    return { betas, scales };
  },

  tridiagonaliseBand(band, n, width, poll): Tridiagonal {
    const dense = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = Math.max(0, i - width); j <= i; j++) dense[i * n + j] = band[i * (width + 1) + width - i + j]!;
    }
    return this.tridiagonalise(dense, n, false, poll);
  },

  gram(x, rows, cols, side): Float64Array {
    return side === 'columns'
      ? this.multiply(x, x, cols, cols, rows, true, false)
      : this.multiply(x, x, rows, rows, cols, false, true);
  },

  multiply(a, b, m, n, k, transA, transB): Float64Array {
    const c = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      const row = c.subarray(i * n, i * n + n);
      for (let p = 0; p < k; p++) {
        const factor = transA ? a[p * m + i]! : a[i * k + p]!;
        if (transB) for (let j = 0; j < n; j++) row[j] = row[j]! + factor * b[j * k + p]!;
        else for (let j = 0, q = p * n; j < n; j++, q++) row[j] = row[j]! + factor * b[q]!;
      }
    }
    return c;
  },
};

/**
 * Overwrites x by v with v[last] = 1 such that (I − scale·v·vᵀ)·x = beta·e_last.
 *
 * @see LAPACK dlarfg
 */
function makeReflector(x: Float64Array): { beta: number; scale: number } {
  const last = x.length - 1;
  const alpha = x[last]!;
  const rest = dot(x, x, last);
  x[last] = 1;
  if (rest <= NEGLIGIBLE_SQUARE) {
    x.fill(0, 0, last);
    return { beta: alpha, scale: 0 };
  }
  const norm = Math.sqrt(alpha * alpha + rest);
  const beta = alpha > 0 ? -norm : norm;
  for (let j = 0; j < last; j++) x[j] = x[j]! / (alpha - beta);
  return { beta, scale: (beta - alpha) / beta };
}

/** A ← H·A·H for the leading m×m part, lower triangle only. */
function updateLeading(a: Float64Array, n: number, m: number, v: Float64Array, scale: number, w: Float64Array): void {
  w.fill(0, 0, m);
  for (let i = 0; i < m; i++) {
    const row = i * n;
    const vi = v[i]!;
    let sum = a[row + i]! * vi;
    for (let j = 0; j < i; j++) {
      const aij = a[row + j]!;
      sum += aij * v[j]!;
      w[j] = w[j]! + aij * vi;
    }
    w[i] = w[i]! + sum;
  }
  const shift = (-scale / 2) * scale * dot(v, w, m);
  for (let j = 0; j < m; j++) w[j] = scale * w[j]! + shift * v[j]!;
  for (let i = 0; i < m; i++) {
    const row = i * n;
    const vi = v[i]!;
    const wi = w[i]!;
    for (let j = 0; j <= i; j++) a[row + j] = a[row + j]! - vi * w[j]! - wi * v[j]!;
  }
}

function dot(x: Float64Array, y: Float64Array, length: number): number {
  let sum = 0;
  for (let j = 0; j < length; j++) sum += x[j]! * y[j]!;
  return sum;
}
