/** Two layers in numbers, and the least that must have changed between them. */
import type { LayerComparison, LayerNumbers } from './eigenscope';

/** Metrics that both have, B against A. */
export function comparedMetrics(a: LayerNumbers, b: LayerNumbers): LayerComparison['metrics'] {
  const both = Object.entries(a.metrics).flatMap(([key, left]) => {
    const right = b.metrics[key];
    if (typeof left !== 'number' || typeof right !== 'number') return [];
    return [[key, { a: left, b: right, difference: right - left, ratio: left === 0 ? null : right / left }] as const];
  });
  return Object.fromEntries(both);
}

/**
 * ‖σ(A) − σ(B)‖₂, the values paired in order of size: no larger than ‖A − B‖ in Frobenius's norm, whatever the singular
 * vectors are.
 *
 * @param a eigenvalues λ = σ² of AᵀA, ascending
 * @param b those of BᵀB, as many
 * @throws RangeError for other numbers of them
 * @see Mirsky, Symmetric gauge functions and unitarily invariant norms, 1960, theorem 5
 */
export function spectralDistance(a: Float64Array, b: Float64Array): NonNullable<LayerComparison['spectralDistance']> {
  if (a.length !== b.length) throw new RangeError(`spectra of ${a.length} and ${b.length} values have no distance`);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const left = Math.max(0, a[i]!);
    difference += (Math.sqrt(left) - Math.sqrt(Math.max(0, b[i]!))) ** 2;
    norm += left;
  }
  return { absolute: Math.sqrt(difference), relative: norm === 0 ? null : Math.sqrt(difference / norm) };
}
