/**
 * Group method `nystrom`: fewer intermediate channels of an MLP. The channels of largest ridge leverage stay; gate and up keep
 * their rows of them, and down takes up what the others would have added, as far as the kept ones tell it.
 *
 * @see MoDeGPT, arXiv 2408.09632, type I (Nyström approximation)
 */
import type { LayerStatistics } from '../../shared/compression/statistics';
import { CompressionError } from '../compressionError';
import { checkedGram, gramMetric } from '../decomposition/layerMetrics';
import { choleskyFactor, inverseLower } from '../../linalg/triangular/triangular';
import { outputSquare } from '../layerErrors';
import { relativeTo } from '../measuredError';
import { stage, type LayerMatrix, type MethodTools } from '../methods/method';

/** λ of the scores, as a share of the mean diagonal element of C. */
export const RIDGE = 1e-2;

/** Rough shares of the time: scores, the solution; measuring takes the rest. */
const SCORING = 0.5;
const SOLVING = 0.8;

export interface KeptChannels {
  /** Channels that stay, ascending: rows of gate and up. */
  readonly kept: Uint32Array;
  /** The new down projection, out × kept.length. */
  readonly down: Float64Array;
  /** ‖(W − Ŵ)X‖_F/‖WX‖_F of the down projection, on the inputs behind C. */
  readonly output_error: number;
  readonly notes: readonly string[];
}

/**
 * @param down W of y = Wx, out × channels
 * @param statistics of the down projection's inputs; their Gram matrix is needed
 * @param rank channels that stay, 1 … channels
 * @param rounded the values as they are stored; the error is that of the result after it
 * @throws CompressionError `invalid-rank`, `missing-statistics`, `invalid-statistics`; DOMException `AbortError`
 */
export function nystrom(
  down: LayerMatrix & { readonly layer: string },
  statistics: LayerStatistics,
  rank: number,
  { kernels, poll }: MethodTools,
  rounded: (values: Float64Array) => Float64Array = (values) => values,
): KeptChannels {
  const { w, outputs, inputs: n, layer } = down;
  if (!Number.isInteger(rank) || rank < 1 || rank > n) {
    throw new CompressionError('invalid-rank', `${rank} of ${n} channels cannot stay; choose from 1 to ${n}`, {
      layer,
    });
  }
  const gram = checkedGram(statistics, down);
  const scores = ridgeLeverage(gram, n, layer, { kernels, poll: (fraction) => poll(SCORING * fraction) });
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const kept = Uint32Array.from(order.slice(0, rank)).sort();

  const between = (fraction: number): void => poll(SCORING + (SOLVING - SCORING) * fraction);
  // The block's own ridge, if it needs one, is found as that of any Gram matrix.
  const { factor, notes } = gramMetric(
    { gram: block(gram, n, kept) },
    { layer, outputs, inputs: rank },
    { kernels, poll: between },
  );
  const inverse = inverseLower(factor!, rank, kernels, between);
  // W·C[:, J]·L⁻ᵀ·L⁻¹
  const products = kernels.multiply(w, columns(gram, n, kept), outputs, rank, n, false, false);
  const half = kernels.multiply(products, inverse, outputs, rank, rank, false, true);
  const reduced = rounded(kernels.multiply(half, inverse, outputs, rank, rank, false, false));
  poll(SOLVING);

  const difference = w.slice();
  for (let i = 0; i < outputs; i++) {
    for (let c = 0; c < rank; c++)
      difference[i * n + kept[c]!] = difference[i * n + kept[c]!]! - reduced[i * rank + c]!;
  }
  const measuring = stage({ kernels, poll }, SOLVING, 1);
  const [lost, whole] = [difference, w].map((x) => Math.sqrt(outputSquare(x, gram, down, measuring)));
  return { kept, down: reduced, output_error: relativeTo(whole!, lost!), notes };
}

/**
 * diag(C·(C + λ·1)⁻¹), λ = `RIDGE` of the mean diagonal element.
 *
 * @see Alaoui & Mahoney 2015, "Fast randomized kernel ridge regression with statistical guarantees"
 */
export function ridgeLeverage(
  gram: Float64Array,
  n: number,
  layer: string,
  { kernels, poll }: MethodTools,
): Float64Array {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += gram[i * n + i]!;
  const ridge = (RIDGE * trace) / n;
  const raised = gram.slice();
  for (let i = 0; i < n; i++) raised[i * n + i] = raised[i * n + i]! + ridge;
  const factor = choleskyFactor(raised, n, kernels, (fraction) => poll(fraction / 2));
  if (!factor) {
    const reason = 'input_gram is far from positive semidefinite, so it is no Gram matrix; calibrate again';
    throw new CompressionError('invalid-statistics', reason, { layer });
  }
  const inverse = inverseLower(factor, n, kernels, (fraction) => poll((1 + fraction) / 2));
  // (C + λ·1)⁻¹ = L⁻ᵀ·L⁻¹: its diagonal has the squared norms of the columns of L⁻¹.
  const squares = new Float64Array(n);
  for (let at = 0; at < inverse.length; at++) squares[at % n] = squares[at % n]! + inverse[at]! ** 2;
  return squares.map((square) => 1 - ridge * square);
}

function columns(gram: Float64Array, n: number, kept: Uint32Array): Float64Array {
  const k = kept.length;
  return Float64Array.from({ length: n * k }, (_, at) => gram[Math.floor(at / k) * n + kept[at % k]!]!);
}

function block(gram: Float64Array, n: number, kept: Uint32Array): Float64Array {
  const k = kept.length;
  return Float64Array.from({ length: k * k }, (_, at) => gram[kept[Math.floor(at / k)]! * n + kept[at % k]!]!);
}
