/**
 * Low-rank completion: factors that fit a matrix on the entries that a mask keeps, by alternating least squares. With one
 * factor fixed, each row of the other is a small least-squares problem of its kept entries.
 *
 * @see Jain, Netrapalli & Sanghavi 2013, "Low-rank matrix completion using alternating minimization"
 */
import type { Poll } from '../../linalg/kernels/kernels';
import { transpose } from '../../linalg/kernels/transpose';
import type { ProductPart } from '../../shared/compression/parts';
import type { LayerMatrix, MethodTools } from '../methods/method';
import { truncatedSvd } from '../truncatedSvd';
import { thinLq } from './thinLq';

/** Turns of both factors in one call: later ones gain little before the other terms are fitted again. */
const SWEEPS = 4;

/** Added to the diagonal of each small problem, as a share of its mean: rows with fewer kept entries than the rank have many solutions. */
const RIDGE = 1e-10;

/** Rough share of the time that the start takes. */
const STARTING = 0.1;

/** The matrix with zeros where the mask has them; new. */
export function masked(w: Float64Array, mask: Uint8Array): Float64Array {
  return w.map((value, at) => (mask[at] === 0 ? 0 : value));
}

/** Entries that a mask keeps. */
export function keptEntries(mask: Uint8Array): number {
  return mask.reduce((count, value) => count + (value === 0 ? 0 : 1), 0);
}

/**
 * @param mask out × in: 0 where an entry counts nowhere
 * @param current factors of the same rank to begin with; else those of the matrix with zeros in place of what is masked
 * @throws DOMException `AbortError` when cancelled
 */
export function completion(
  { w, outputs, inputs }: LayerMatrix,
  mask: Uint8Array,
  rank: number,
  { kernels, poll }: MethodTools,
  current?: ProductPart,
): ProductPart {
  const rows = { target: w, mask, count: outputs, length: inputs };
  const columns = { target: transpose(w, outputs, inputs), mask: turned(mask, outputs, inputs), count: inputs, length: outputs }; // prettier-ignore
  const starting: Poll = (fraction) => poll(STARTING * fraction);
  const start =
    current?.right ?? truncatedSvd(masked(w, mask), outputs, inputs, rank, { kernels, onProgress: starting }).right;
  let right: Float64Array = thinLq(start, rank, starting).rows;
  let left: Float64Array = new Float64Array(0);
  const turn = (SWEEPS - 1) * 2 + 1;
  let done = 0;
  const next = (): Poll => {
    const from = done++;
    return (fraction) => poll(STARTING + ((1 - STARTING) * (from + fraction)) / turn);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    if (sweep > 0) {
      // The span alone matters: orthonormal rows keep the small problems well conditioned.
      const basis = thinLq(left, rank, () => poll(STARTING)).rows;
      right = thinLq(fitted(columns, basis, rank, next()), rank, () => poll(STARTING)).rows;
    }
    left = fitted(rows, right, rank, next());
  }
  return { kind: 'product', rank, left: transpose(left, rank, outputs), right };
}

interface Side {
  readonly target: Float64Array;
  readonly mask: Uint8Array;
  readonly count: number;
  readonly length: number;
}

/**
 * Of each row the coefficients, in the rows of a basis, that fit its kept entries best.
 *
 * @param basis rank × length, orthonormal rows or zeros
 * @returns rank × count
 */
function fitted({ target, mask, count, length }: Side, basis: Float64Array, rank: number, poll: Poll): Float64Array {
  const vectors = transpose(basis, rank, length);
  const whole = new Float64Array(rank * rank);
  for (let j = 0; j < length; j++) addSquare(whole, vectors, j, rank, 1);
  const gram = new Float64Array(rank * rank);
  const x = new Float64Array(rank);
  const result = new Float64Array(rank * count);
  const pollEach = Math.max(1, Math.floor(2 ** 22 / (length * rank * rank)));
  for (let i = 0; i < count; i++) {
    if (i % pollEach === 0) poll(i / count);
    x.fill(0);
    let kept = 0;
    for (let j = 0, at = i * length; j < length; j++, at++) {
      if (mask[at] === 0) continue;
      kept++;
      for (let k = 0; k < rank; k++) x[k] = x[k]! + target[at]! * vectors[j * rank + k]!;
    }
    // The sum over the kept ones, or the whole without the masked ones: whichever are fewer.
    const direct = 2 * kept <= length;
    if (direct) gram.fill(0);
    else gram.set(whole);
    for (let j = 0, at = i * length; j < length; j++, at++) {
      if ((mask[at] !== 0) === direct) addSquare(gram, vectors, j, rank, direct ? 1 : -1);
    }
    if (kept > 0) solve(gram, x, rank);
    for (let k = 0; k < rank; k++) result[k * count + i] = x[k]!;
  }
  return result;
}

/** Adds v·vᵀ of the j-th vector, times a sign, to the lower triangle. */
function addSquare(gram: Float64Array, vectors: Float64Array, j: number, rank: number, sign: number): void {
  for (let a = 0; a < rank; a++) {
    const value = sign * vectors[j * rank + a]!;
    if (value === 0) continue;
    for (let b = 0; b <= a; b++) gram[a * rank + b] = gram[a * rank + b]! + value * vectors[j * rank + b]!;
  }
}

/** x ← (G + ridge)⁻¹·x by Cholesky, in place; G has its lower triangle and is destroyed. */
function solve(gram: Float64Array, x: Float64Array, n: number): void {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  const ridge = (RIDGE * trace) / n;
  for (let i = 0; i < n; i++) {
    let own = x[i]!;
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * n + j]! + (i === j ? ridge : 0);
      for (let k = 0; k < j; k++) sum -= gram[i * n + k]! * gram[j * n + k]!;
      if (j < i) {
        gram[i * n + j] = sum / gram[j * n + j]!;
        own -= gram[i * n + j]! * x[j]!;
      } else {
        // Rounding may leave less than the ridge of a direction that the kept entries do not tell.
        gram[i * n + i] = Math.sqrt(Math.max(sum, ridge));
      }
    }
    x[i] = own / gram[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    let own = x[i]!;
    for (let k = i + 1; k < n; k++) own -= gram[k * n + i]! * x[k]!;
    x[i] = own / gram[i * n + i]!;
  }
}

function turned(mask: Uint8Array, rows: number, columns: number): Uint8Array {
  const result = new Uint8Array(mask.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) result[j * rows + i] = mask[at]!;
  }
  return result;
}
