/**
 * The metric of LQ-LoRA: ‖D_r (W − Ŵ) D_c‖_F with D_r and D_c the roots of the row and column means of the Fisher
 * information. Plain if nothing is known of it; rows alone if only their sums are.
 *
 * @see LQ-LoRA, arXiv 2311.12023, §3.3
 */
import { CompressionError } from '../compressionError';
import type { MethodInput } from '../methods/method';
import { PLAIN, type Metric } from './metric';

/** Weights below this share of the largest count as it: a row of weight 0 could become anything. */
const LEAST_WEIGHT = 1e-6;

/** @throws CompressionError `invalid-statistics` */
export function fisherMeans({ statistics, outputs, inputs, layer }: MethodInput): Metric {
  const { fisher } = statistics;
  if (!fisher) return PLAIN;
  const refuse = (what: string): CompressionError =>
    new CompressionError('invalid-statistics', `its Fisher information ${what}; compute it anew`, { layer });
  if (fisher.length !== outputs && fisher.length !== outputs * inputs) {
    throw refuse(`has ${fisher.length} elements, and the matrix is ${outputs} × ${inputs}`);
  }
  const bad = fisher.findIndex((value) => !(value >= 0 && value < Infinity));
  if (bad >= 0) throw refuse(`has the element ${fisher[bad]!} at position ${bad}`);
  if (fisher.every((value) => value === 0)) throw refuse('is 0 everywhere');
  if (fisher.length === outputs && inputs > 1) return { of: 'fisher', rows: weights(fisher), notes: [] };
  const rows = new Float64Array(outputs);
  const columns = new Float64Array(inputs);
  for (let row = 0, at = 0; row < outputs; row++) {
    for (let i = 0; i < inputs; i++, at++) {
      rows[row] = rows[row]! + fisher[at]!;
      columns[i] = columns[i]! + fisher[at]!;
    }
  }
  return { of: 'fisher', rows: weights(rows), columns: weights(columns), notes: [] };
}

/** Roots, with the largest 1: a factor of all weights changes no choice. */
function weights(sums: Float64Array): Float64Array {
  const largest = sums.reduce((most, sum) => (sum > most ? sum : most), 0);
  return sums.map((sum) => Math.max(Math.sqrt(sum / largest), LEAST_WEIGHT));
}
