/**
 * Layer ratios of AlphaPruning: how much of each layer goes, by its alpha. FARMS uses the same with its own alpha.
 *
 * @see AlphaPruning, arXiv 2410.10912, `ww_sparsity`: ratio = s₁ + (α − min α)/(max α − min α)·(s₂ − s₁), scaled so that
 *   Σ ratio·parameters is the share that goes
 * @see FARMS, arXiv 2506.06280
 */

/** s₁ = 1 − ε and s₂ = 1 + ε; the middle of the paper's settings. */
export const DEFAULT_EPSILON = 0.3;

export interface AlphaLayer {
  /** Undefined where the fit failed: the layer then takes the middle of the range. */
  readonly alpha: number | undefined;
  readonly parameters: number;
  /** Layers of one block have one ratio, by their mean alpha; absent if each has its own. */
  readonly block?: string;
}

/** Ratios between s₁ and s₂, not scaled. All are 1 where all alphas are equal. */
export function unscaledRatios(layers: readonly AlphaLayer[], epsilon: number): Float64Array {
  const alphas = blockMeans(layers);
  const known = alphas.filter((alpha) => !Number.isNaN(alpha));
  const least = known.reduce((a, b) => Math.min(a, b), Infinity);
  const range = known.reduce((a, b) => Math.max(a, b), -Infinity) - least;
  return Float64Array.from(alphas, (alpha) =>
    Number.isNaN(alpha) || !(range > 0) ? 1 : 1 - epsilon + ((alpha - least) / range) * 2 * epsilon,
  );
}

/**
 * Scales ratios so that Σ ratio·parameters = sparsity·Σ parameters. A ratio that would exceed 1 is 1, and the others are
 * scaled up for it.
 *
 * @param unscaled all above 0
 * @param sparsity share of the parameters that goes, 0 … 1
 */
export function scaledRatios(unscaled: Float64Array, parameters: readonly number[], sparsity: number): Float64Array {
  const order = Array.from(unscaled.keys()).sort((a, b) => unscaled[b]! - unscaled[a]!);
  let missing = sparsity * parameters.reduce((sum, count) => sum + count, 0);
  let weight = unscaled.reduce((sum, ratio, l) => sum + ratio * parameters[l]!, 0);
  const ratios = new Float64Array(unscaled.length);
  let clipped = 0;
  // The largest reach 1 first.
  for (; clipped < order.length; clipped++) {
    const l = order[clipped]!;
    if (unscaled[l]! * missing <= weight) break;
    ratios[l] = 1;
    missing -= parameters[l]!;
    weight -= unscaled[l]! * parameters[l]!;
  }
  for (const l of order.slice(clipped)) ratios[l] = weight > 0 ? (unscaled[l]! * missing) / weight : 0;
  return ratios;
}

/** The alpha of each layer, or the mean of its block's. NaN where there is none. */
function blockMeans(layers: readonly AlphaLayer[]): number[] {
  const blocks = new Map<string, { sum: number; count: number }>();
  for (const { alpha, block } of layers) {
    if (alpha === undefined || block === undefined) continue;
    const { sum, count } = blocks.get(block) ?? { sum: 0, count: 0 };
    blocks.set(block, { sum: sum + alpha, count: count + 1 });
  }
  return layers.map(({ alpha, block }) => {
    if (block === undefined) return alpha ?? NaN;
    const known = blocks.get(block);
    return known ? known.sum / known.count : NaN;
  });
}
