/**
 * How much of the whole model could be saved at what error, from the rank suggestions of the layers known so far. A
 * layer whose factor pair would not be smaller than the matrix stays as it is.
 */
import type { LayerResult } from '../../extension/shared/layers';

export interface SavingsPoint {
  /** Share of Σλ kept in every layer; 1 is the model as it is. */
  energy: number;
  /** Parameters kept over parameters of the layers counted. */
  kept: number;
  /** Mean relative Frobenius error of the layers, weighted by their parameters. */
  error: number;
}

export interface Savings {
  /** From the whole model down; the first is { energy: 1, kept: 1, error: 0 }. */
  points: SavingsPoint[];
  /** Layers that the numbers stand on. */
  layers: number;
}

/** Keys of `LayerResult.ranks` that keep a fixed share of the energy, largest share first. */
export const ENERGY_RANKS = [
  { key: 'energy_0.99', energy: 0.99 },
  { key: 'energy_0.95', energy: 0.95 },
  { key: 'energy_0.90', energy: 0.9 },
] as const;

export function savings(results: Iterable<LayerResult>): Savings {
  const sums = ENERGY_RANKS.map(() => ({ kept: 0, error: 0 }));
  let total = 0;
  let layers = 0;
  const all = [...results];
  // Counted with their product: a pair that is cut keeps fewer directions of both.
  const factors = new Set(all.flatMap(({ factored }) => factored?.factors ?? []));
  for (const { name, ranks, tiedWith } of all) {
    if (factors.has(name) || tiedWith !== undefined) continue;
    const suggestions = ENERGY_RANKS.map(({ key }) => ranks[key]);
    const first = suggestions[0];
    if (!first || !suggestions.every((suggestion) => suggestion !== undefined) || !(first.ratio > 0)) continue;
    const parameters = first.parameters / first.ratio;
    total += parameters;
    layers += 1;
    suggestions.forEach((suggestion, index) => {
      const sum = sums[index]!;
      const smaller = suggestion.ratio < 1;
      sum.kept += smaller ? suggestion.parameters : parameters;
      sum.error += smaller ? suggestion.error * parameters : 0;
    });
  }
  const whole = { energy: 1, kept: 1, error: 0 };
  if (total === 0) return { points: [whole], layers: 0 };
  const points = sums.map((sum, index) => ({
    energy: ENERGY_RANKS[index]!.energy,
    kept: sum.kept / total,
    error: sum.error / total,
  }));
  return { points: [whole, ...points], layers };
}
