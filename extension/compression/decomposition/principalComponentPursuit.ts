/**
 * Principal component pursuit: W = L + S with the least ‖L‖_* + ℓ·‖S‖₁, ℓ = 1/√max(N, M). It finds low rank and gross
 * sparse errors without being told how many of either. By the inexact augmented Lagrange multiplier method. Masked entries are
 * free: S takes there what L leaves over, at no cost, and has nothing there in the end.
 *
 * @see Candès, Li, Ma & Wright 2011, "Robust principal component analysis?"
 * @see Lin, Chen & Ma 2010, arXiv 1009.5055, algorithm 5 and its choice of the penalty and of the predicted rank
 */
import type { Kernels, Poll } from '../../linalg/kernels/kernels';
import type { ProductPart, SparsePart } from '../../shared/compression/parts';
import { keptEntries, masked } from './completion';
import { frobenius } from '../measuredError';
import type { LayerMatrix, MethodTools } from '../methods/method';
import { productPart } from '../parts/product';
import { truncatedSvd } from '../truncatedSvd';

const TOLERANCE = 1e-7;
/** The penalty grows by this each time, so that some 40 steps suffice. */
const GROWTH = 1.5;
/** Entries that are masked are told by the low rank alone, which has to settle first. */
const MASKED_GROWTH = 1.1;
const MOST_PENALTY = 1e7;
const MOST_STEPS = 100;
const MASKED_STEPS = 300;
const FIRST_RANK = 10;
const RANK_STEP = 0.05;

export interface Pursuit {
  /** Absent if L is 0. */
  readonly lowRank?: ProductPart;
  /** The support of S, with the values that make these entries exact; absent if S is 0. */
  readonly sparse?: SparsePart;
  /** ‖W − L − S‖_F/‖W‖_F after each step. */
  readonly gaps: readonly number[];
  readonly converged: boolean;
}

/** Holds three matrices of the size of W beside it. */
export function principalComponentPursuit(
  given: LayerMatrix & { readonly mask?: Uint8Array },
  { kernels, poll }: MethodTools,
): Pursuit {
  const { mask, outputs, inputs } = given;
  const w = mask ? masked(given.w, mask) : given.w;
  const matrix: LayerMatrix = { w, outputs, inputs };
  const norm = frobenius(w);
  if (norm === 0) return { gaps: [0], converged: true };
  const kept = mask ? keptEntries(mask) / w.length : 1;
  const weight = 1 / Math.sqrt(kept * Math.max(outputs, inputs));
  const order = Math.min(outputs, inputs);
  const spectral = truncatedSvd(w, outputs, inputs, 1, { kernels }).singularValues[0]!;
  const dual = Math.max(spectral, w.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / weight);
  const first = 1.25 / spectral;
  const multipliers = w.map((value) => value / dual);
  const low = new Float64Array(w.length);
  const target = new Float64Array(w.length);
  const gaps: number[] = [];
  let lowRank: ProductPart | undefined;
  let predicted = Math.min(order, FIRST_RANK);
  let penalty = first;
  const most = mask ? MASKED_STEPS : MOST_STEPS;
  for (let step = 0; step < most; step++) {
    // W − S + Y/μ, with the S that is best now.
    for (let i = 0; i < w.length; i++) {
      const whole = w[i]! + multipliers[i]! / penalty;
      target[i] = mask?.[i] === 0 ? low[i]! : whole - shrink(whole - low[i]!, weight / penalty);
    }
    lowRank = thresholded({ ...matrix, w: target }, predicted, 1 / penalty, kernels, (fraction) =>
      poll((step + fraction) / most),
    );
    const rank = lowRank?.rank ?? 0;
    predicted = Math.min(order, rank < predicted ? rank + 1 : rank + Math.round(RANK_STEP * order) + 1);
    low.fill(0);
    if (lowRank) productPart.addTo(low, lowRank, matrix, kernels, () => poll(step / most));
    // W − L − S is (W − S + Y/μ) − Y/μ − L, and the new multipliers are μ times it, plus Y.
    let squares = 0;
    for (let i = 0; i < w.length; i++) {
      if (mask?.[i] === 0) continue;
      const updated = penalty * (target[i]! - low[i]!);
      squares += ((updated - multipliers[i]!) / penalty) ** 2;
      multipliers[i] = updated;
    }
    gaps.push(Math.sqrt(squares) / norm);
    if (gaps.at(-1)! < TOLERANCE) break;
    penalty = Math.min(penalty * (mask ? MASKED_GROWTH : GROWTH), first * MOST_PENALTY);
  }
  const sparse = support(
    matrix,
    low,
    (i) => mask?.[i] !== 0 && Math.abs(w[i]! - low[i]! + multipliers[i]! / penalty) > weight / penalty,
  );
  return { ...(lowRank && { lowRank }), ...(sparse && { sparse }), gaps, converged: gaps.at(-1)! < TOLERANCE };
}

/** sign(x)·max(|x| − by, 0) */
function shrink(x: number, by: number): number {
  if (x > by) return x - by;
  return x < -by ? x + by : 0;
}

/** The matrix with all singular values lowered by `by`, as far as its first `rank` reach. */
function thresholded(
  { w, outputs, inputs }: LayerMatrix,
  rank: number,
  by: number,
  kernels: Kernels,
  poll: Poll,
): ProductPart | undefined {
  const svd = truncatedSvd(w, outputs, inputs, rank, { kernels, onProgress: poll });
  const kept = svd.singularValues.findIndex((sigma) => !(sigma > by));
  const count = kept < 0 ? rank : kept;
  if (count === 0) return undefined;
  const left = new Float64Array(outputs * count);
  for (let row = 0; row < outputs; row++) {
    for (let j = 0; j < count; j++) {
      left[row * count + j] = svd.left[row * rank + j]! * (1 - by / svd.singularValues[j]!);
    }
  }
  return { kind: 'product', rank: count, left, right: svd.right.slice(0, count * inputs) };
}

function support(
  { w, inputs }: LayerMatrix,
  low: Float64Array,
  belongs: (i: number) => boolean,
): SparsePart | undefined {
  let count = 0;
  for (let i = 0; i < w.length; i++) if (belongs(i)) count++;
  if (count === 0) return undefined;
  const rows = new Uint32Array(count);
  const columns = new Uint32Array(count);
  const values = new Float64Array(count);
  for (let i = 0, at = 0; at < count; i++) {
    if (!belongs(i)) continue;
    rows[at] = Math.floor(i / inputs);
    columns[at] = i % inputs;
    values[at++] = w[i]! - low[i]!;
  }
  return { kind: 'sparse', rows, columns, values };
}
