/**
 * Ratios by block influence: how much of each block goes. With influences s, the ratios φ of least Σ s·φ − ε·H(φ) at a mean
 * sparsity are proportional to exp(−s/ε): blocks that change their hidden states less lose more.
 *
 * @see MoDeGPT, arXiv 2408.09632, "Global sparsity allocation" (φ = L·φ̄·softmax(−s/ε)); ShortGPT, arXiv 2403.03853 (s)
 */

export const DEFAULT_TEMPERATURE = 0.1;

/** exp of less is 0, and a block of ratio 0 would keep all whatever is asked. */
const LEAST_EXPONENT = -700;

/** @returns all above 0, the largest 1; `scaledRatios` makes them those of a sparsity */
export function influenceRatios(influences: readonly number[], temperature = DEFAULT_TEMPERATURE): Float64Array {
  const least = influences.reduce((a, b) => Math.min(a, b), Infinity);
  return Float64Array.from(influences, (influence) =>
    Math.exp(Math.max(LEAST_EXPONENT, (least - influence) / temperature)),
  );
}
