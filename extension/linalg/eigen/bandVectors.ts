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
  const memory = new Float64Array(panels.reduce((most, { v }) => Math.max(most, 2 * v.length), 0));
  for (let end = panels.length; end > 0; end -= 2) {
    signal?.throwIfAborted();
    const last = panels[end - 1]!;
    const first = panels[end - 2];
    const { rest, v, t } = first ? await pair(first, last, memory, products) : last;
    const width = v.length / rest;
    const reached = x.subarray(0, rest * count);
    const overlaps = await products.multiply(v, reached, width, count, rest, true, false);
    const negated = t.map((value) => -value);
    const coefficients = await products.multiply(negated, overlaps, width, count, width, false, false);
    await products.accumulate(reached, v, coefficients, rest, count, width, false, false);
    onProgress?.(1 - Math.max(0, end - 2) / panels.length);
  }
}

/**
 * Two panels as one: (I − V₁·T₁·V₁ᵀ)·(I − V₂·T₂·V₂ᵀ) = I − V·T·Vᵀ. Products with twice the columns are made faster.
 *
 * @param last reaches no further than `first`
 * @param memory for V
 * @see Schreiber & Van Loan 1989, "A storage-efficient WY representation for products of Householder transformations"
 */
async function pair(
  first: PanelReflectors,
  last: PanelReflectors,
  memory: Float64Array,
  products: MatrixProducts,
): Promise<PanelReflectors> {
  const { rest } = first;
  const [a, b] = [first.v.length / rest, last.v.length / last.rest];
  const width = a + b;
  const v = memory.subarray(0, rest * width).fill(0);
  for (let i = 0; i < rest; i++) v.set(first.v.subarray(i * a, (i + 1) * a), i * width);
  for (let i = 0; i < last.rest; i++) v.set(last.v.subarray(i * b, (i + 1) * b), i * width + a);
  const reached = first.v.subarray(0, last.rest * a);
  const overlaps = await products.multiply(reached, last.v, a, b, last.rest, true, false);
  const left = await products.multiply(first.t, overlaps, a, b, a, false, false);
  const corner = await products.multiply(left, last.t, a, b, b, false, false);
  const t = new Float64Array(width * width);
  for (let i = 0; i < a; i++) {
    t.set(first.t.subarray(i * a, (i + 1) * a), i * width);
    for (let j = 0; j < b; j++) t[i * width + a + j] = -corner[i * b + j]!;
  }
  for (let i = 0; i < b; i++) t.set(last.t.subarray(i * b, (i + 1) * b), (a + i) * width + a);
  return { rest, v, t };
}
