/**
 * Method `loftq`: a quantised base, and an adapter of the leading directions of what quantising lost; in turn. The base is
 * kept decoded: every layout that holds an adapter stores plain numbers below it.
 *
 * @see LoftQ, arXiv 2310.08659, algorithm 1; PEFT's `loftq_init`, whose `loftq_iter` is 1 unless told otherwise
 */
import { alternate } from '../decomposition/alternating';
import { lowRankStep, quantiseStep } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import { withPlainBase } from './adapterBase';
import type { LayerMethod } from './method';

export const loftq: LayerMethod = (input, tools) => {
  const steps = [quantiseStep(input), lowRankStep(input, tools)];
  const made = alternate(input, { steps, rounds: input.options.rounds, error: frobenius }, tools);
  return withPlainBase({ ...made, notes: [] }, input, tools);
};
