/**
 * How a singular vector is spread over its elements: on few of them (localised) or on all alike, as a random one is.
 * The numbers are WeightWatcher's `vector_metrics`. Its column `entropy` is left out: it depends on nothing but the
 * vector's norm, which is 1 for every singular vector.
 *
 * @see https://github.com/CalculatedContent/WeightWatcher `RMT_Util.py`, version 0.7.5.5
 * @see Martin & Mahoney 2021, "Implicit self-regularization in deep neural networks", JMLR 22:165
 */
import { l10n } from '../../shared/language/l10n';
import type { VectorMetrics } from '../../shared/layers';

export interface VectorMetricRow {
  key: keyof VectorMetrics;
  /** Column header. */
  label: string;
  /** In plain words. */
  description: string;
}

export const vectorMetricTable: readonly VectorMetricRow[] = [
  {
    key: 'localization_ratio',
    label: l10n.t('localization'),
    description: l10n.t(
      '‖v‖₁/‖v‖∞: the number of elements, each counted by its size beside the largest. 1 where one element holds everything, the vector’s length where all are equally large.',
    ),
  },
  {
    key: 'participation_ratio',
    label: l10n.t('participation'),
    description: l10n.t(
      '‖v‖₂/‖v‖₄. Its fourth power is the number of elements that share the vector: 1 where one element holds everything, the vector’s length where all are equally large, a third of it for a random vector.',
    ),
  },
  {
    key: 'discrete_entropy',
    label: 'entropy',
    description: l10n.t(
      'Entropy, in nats, of the histogram of |v| over 100 equal bins: high (at most 4.61) where magnitudes of all sizes occur, low where nearly all are alike, as beside one huge element.',
    ),
  },
];

const BINS = 100;
/** WeightWatcher's `EPSILON`, added to the density of every bin. */
const DENSITY_OFFSET = 1e-10;

/** @param v not zero; of any length, as the ratios do not depend on it, but `discrete_entropy` slightly does */
export function vectorMetrics(v: Float64Array): VectorMetrics {
  let sum = 0;
  let largest = 0;
  let squares = 0;
  let fourths = 0;
  for (const element of v) {
    const square = element * element;
    sum += Math.abs(element);
    largest = Math.max(largest, Math.abs(element));
    squares += square;
    fourths += square * square;
  }
  return {
    localization_ratio: sum / largest,
    participation_ratio: Math.sqrt(squares) / fourths ** 0.25,
    discrete_entropy: discreteEntropy(v, sum / v.length),
  };
}

/** Number of elements that share a vector, Σ(v²)²/Σv⁴ (the inverse participation ratio's inverse). */
export function sharingElements({ participation_ratio }: VectorMetrics): number {
  return participation_ratio ** 4;
}

/** @param mean of |v| */
function discreteEntropy(v: Float64Array, mean: number): number {
  const sizes = v.map((element) => Math.abs(element) - mean);
  const { counts, width } = histogram(sizes);
  const densities = counts.map((count) => count / (v.length * width) + DENSITY_OFFSET);
  const total = densities.reduce((sum, density) => sum + density, 0);
  return -densities.reduce((sum, density) => sum + (density / total) * Math.log(density / total), 0);
}

/** Equal bins from the least to the largest value, as numpy's `histogram` makes them: all but the last half-open. */
function histogram(values: Float64Array): { counts: Float64Array; width: number } {
  let low = values.reduce((least, value) => Math.min(least, value), Infinity);
  let high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (low === high) {
    low -= 0.5;
    high += 0.5;
  }
  const width = (high - low) / BINS;
  const edge = (bin: number): number => (bin === BINS ? high : low + bin * width);
  const counts = new Float64Array(BINS);
  for (const value of values) {
    let bin = Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
    // The division may have rounded across an edge.
    if (value < edge(bin)) bin--;
    else if (bin < BINS - 1 && value >= edge(bin + 1)) bin++;
    counts[bin] = counts[bin]! + 1;
  }
  return { counts, width };
}
