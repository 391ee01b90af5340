/**
 * Method `lq-lora`: low rank and a quantised rest, weighted by Fisher means if they are given. With the quantiser `bipolar`
 * it is the preset of arbitrary-precision tensor cores (science.md §11).
 *
 * @see LQ-LoRA, arXiv 2311.12023, algorithm 1
 */
import { alternate, type AlternatingResult } from '../decomposition/alternating';
import { fisherMeans } from '../decomposition/fisherMeans';
import { isPlain, PLAIN, weighted, type Metric } from '../decomposition/metric';
import { lowRankStep, quantiseStep } from '../decomposition/steps';
import { frobenius } from '../measuredError';
import type { LayerMethod, MethodInput, MethodTools } from './method';

export const lqLora: LayerMethod = (input, tools) => {
  const metric = fisherMeans(input);
  if (isPlain(metric)) return { ...inTurn(input, metric, tools), notes: [] };
  const half = (from: number): MethodTools => ({ ...tools, poll: (fraction) => tools.poll(from + fraction / 2) });
  const inMetric = inTurn(input, metric, half(0));
  const plain = plainThenWeighted(input, metric, half(0.5));
  const better = inMetric.rounds.at(-1)! <= plain.rounds.at(-1)! ? inMetric : plain;
  return { ...better, metric, notes: [] };
};

/** Low rank first, as in the paper; and once more after the last quantising, which can only lower the error. */
function inTurn(input: MethodInput, metric: Metric, tools: MethodTools): AlternatingResult {
  const lowRank = lowRankStep(input, tools, metric);
  const steps = [quantiseStep(input), lowRank];
  return alternate(
    input,
    { start: [lowRank], steps, rounds: input.options.rounds, error: normIn(metric, input, tools) },
    tools,
  );
}

/**
 * Quantisers do not know the metric: what weighted low rank leaves over may be hard to quantise. The plain method's blocks
 * with low rank in the metric are never worse in it than the plain method.
 */
function plainThenWeighted(input: MethodInput, metric: Metric, tools: MethodTools): AlternatingResult {
  const blocks = inTurn(input, PLAIN, tools).parts.filter(({ kind }) => kind === 'quantised');
  const start = blocks.map((part) => ({ term: 'quantised' as const, fit: () => part }));
  const steps = [lowRankStep(input, tools, metric)];
  return alternate(
    input,
    { start, steps, rounds: 1, error: normIn(metric, input, tools) },
    { ...tools, poll: () => tools.poll(1) },
  );
}

function normIn(
  metric: Metric,
  input: MethodInput,
  { kernels, poll }: MethodTools,
): (residual: Float64Array) => number {
  if (isPlain(metric)) return (residual) => frobenius(residual);
  return (residual) => frobenius(weighted(metric, residual, input, kernels, poll));
}
