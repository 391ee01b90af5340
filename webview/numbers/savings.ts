/**
 * How much of the whole model could be saved at what error, from the rank suggestions of the layers known so far. A
 * layer stays as it is if its factor pair would not save enough to be proposed.
 */
import { ENERGIES, energyRule } from '../../extension/shared/ranks/energyShares';
import type { PlanTarget } from '../../extension/shared/compression/plans';
import type { LayerResult } from '../../extension/shared/layers';
import { savesEnough } from '../../extension/shared/ranks/worthFactoring';

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
  /** Their parameters. */
  parameters: number;
}

/** Largest share first. */
const SHARES = [...ENERGIES].sort((a, b) => b - a);

export function savings(results: Iterable<LayerResult>): Savings {
  const sums = SHARES.map(() => ({ kept: 0, error: 0 }));
  let total = 0;
  let layers = 0;
  const all = [...results];
  // Counted with their product: a pair that is cut keeps fewer directions of both.
  const factors = new Set(all.flatMap(({ factored }) => factored?.factors ?? []));
  for (const { name, ranks, tiedWith } of all) {
    if (factors.has(name) || tiedWith !== undefined) continue;
    const suggestions = SHARES.map((share) => ranks[energyRule(share)]);
    const first = suggestions[0];
    if (!first || !suggestions.every((suggestion) => suggestion !== undefined) || !(first.ratio > 0)) continue;
    const parameters = Math.round(first.parameters / first.ratio);
    total += parameters;
    layers += 1;
    suggestions.forEach((suggestion, index) => {
      const sum = sums[index]!;
      const worth = savesEnough(suggestion.ratio);
      sum.kept += worth ? suggestion.parameters : parameters;
      sum.error += worth ? suggestion.error * parameters : 0;
    });
  }
  const whole = { energy: 1, kept: 1, error: 0 };
  if (total === 0) return { points: [whole], layers: 0, parameters: 0 };
  const points = sums.map((sum, index) => ({
    energy: SHARES[index]!,
    kept: sum.kept / total,
    error: sum.error / total,
  }));
  return { points: [whole, ...points], layers, parameters: total };
}

/**
 * The target of a plan that keeps as much: of all parameters, those of norms and biases among them.
 *
 * @param all parameters of the model
 */
export function targetOf({ kept }: SavingsPoint, { parameters }: Savings, all: number): PlanTarget {
  const rest = Math.max(0, all - parameters);
  const share = (kept * parameters + rest) / (parameters + rest);
  return { kind: 'parameters', value: Math.round(1e4 * share) / 1e4 };
}
