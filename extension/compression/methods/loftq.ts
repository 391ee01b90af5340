/**
 * Method `loftq`: a quantised base, and an adapter of the leading directions of what quantising lost; in turn.
 *
 * @see LoftQ, arXiv 2310.08659, algorithm 1; PEFT's `loftq_init`, whose `loftq_iter` is 1 unless told otherwise
 */
import { alternate } from '../decomposition/alternating';
import { lowRankStep, quantiseStep } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import type { LayerMethod } from './method';

export const loftq: LayerMethod = (input, tools) => {
  const steps = [quantiseStep(input), lowRankStep(input, tools)];
  return { ...alternate(input, { steps, rounds: input.options.rounds, error: frobenius }, tools), notes: [] };
};
