/**
 * Method `gear`: the largest entries are set apart before the rest is quantised, so that they do not widen the blocks'
 * scales; low rank takes up what quantising lost; then the entries are made exact.
 *
 * @see GEAR, arXiv 2403.05527, §3
 */
import { alternate } from '../decomposition/alternating';
import { entriesSteps, lowRankStep, quantiseStep, refitEntries } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import type { LayerMethod } from './method';

export const gear: LayerMethod = (input, tools) => {
  const entries = entriesSteps(input);
  const exact = entries.map(() => refitEntries);
  const steps = [...entries, quantiseStep(input), lowRankStep(input, tools), ...exact];
  return { ...alternate(input, { steps, rounds: input.options.rounds, error: frobenius }, tools), notes: [] };
};
