/**
 * Vectors of a matrix that was reduced to band form, from those of the band matrix: the panels' reflectors are applied in
 * reverse, as matrix products.
 *
 * @see Bischof, Lang & Sun 2000, "A framework for symmetric band reduction"
 */
import type { MatrixProducts } from '../products/productTypes';
import type { PanelReflectors } from './bandReduction';

/**
 * X ← Q·X with the Q of A = Q·B·Qᵀ.
 *
 * @param panels as `reduceToBandMatrix` kept them
 * @param x n × count, row-major; overwritten
 * @throws DOMException `AbortError` when `signal` fires
 */
export async function applyPanels(
  panels: readonly PanelReflectors[],
  x: Float64Array,
  count: number,
  products: MatrixProducts,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (fraction: number) => void } = {},
): Promise<void> {
  for (const [index, { rest, v, t }] of panels.toReversed().entries()) {
    signal?.throwIfAborted();
    const width = v.length / rest;
    const reached = x.subarray(0, rest * count);
    const overlaps = await products.multiply(v, reached, width, count, rest, true, false);
    const negated = t.map((value) => -value);
    const coefficients = await products.multiply(negated, overlaps, width, count, width, false, false);
    await products.accumulate(reached, v, coefficients, rest, count, width, false, false);
    onProgress?.((index + 1) / panels.length);
  }
}
