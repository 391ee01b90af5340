/** Method `lost`: low rank, and the largest columns of what it leaves over. @see LOST, arXiv 2508.02668 */
import { alternate } from '../decomposition/alternating';
import { columnsSteps, lowRankStep } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import type { LayerMethod } from './method';

export const lost: LayerMethod = (input, tools) => {
  const steps = [lowRankStep(input, tools), ...columnsSteps(input)];
  return { ...alternate(input, { steps, rounds: input.options.rounds, error: frobenius }, tools), notes: [] };
};
