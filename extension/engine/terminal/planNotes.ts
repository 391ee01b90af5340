/** What of the options of a plan had no effect, and what a person should know before he runs it. */
import { compiledPatterns } from '../../compression/plan/patterns';
import type { PlanRequest } from '../../compression/plan/planRequest';
import { optionsOf } from '../../shared/compression/choiceProblem';
import { layerMethod } from '../../shared/compression/methodTable';
import type { LayerPlan, PlanLayer } from '../../shared/compression/plans';

/** Of an element in a round of gear on two cores; lq-lora takes two thirds of it. Measured with 4096 × 11008. */
const SECONDS_OF_AN_ELEMENT = 9e-8;
/** Nobody waits for less in front of the screen. */
const LONG_SECONDS = 300;

/** How long methods take that go over each layer many times, if that is long. */
export function timeNotes(
  layers: readonly Pick<PlanLayer, 'name' | 'outputs' | 'inputs'>[],
  plans: Readonly<Record<string, LayerPlan>>,
): string[] {
  const methods = new Set<string>();
  let [seconds, most] = [0, 0];
  for (const { name, outputs, inputs } of layers) {
    const plan = plans[name];
    if (!plan || 'keep' in plan || !layerMethod(plan.method).options.includes('rounds')) continue;
    const { rounds } = optionsOf(plan);
    methods.add(plan.method);
    most = Math.max(most, rounds);
    seconds += SECONDS_OF_AN_ELEMENT * outputs * inputs * rounds;
  }
  if (seconds < LONG_SECONDS) return [];
  const minutes = Number((seconds / 60).toPrecision(1));
  const time = minutes < 90 ? `${minutes} minutes` : `${Number((seconds / 3600).toPrecision(1))} hours`;
  return [
    `Running the plan may take some ${time} on two cores: ${[...methods].join(', ')} goes over each layer up to ${most} ` +
      'times. With fewer (--rounds 5) it loses a few hundredths more, and takes that much less time.',
  ];
}

/** Patterns that match no layer: most likely a slip of the pen. */
export function patternNotes(
  layers: readonly PlanLayer[],
  { exclude = [], include = [] }: Pick<PlanRequest, 'exclude' | 'include'>,
): string[] {
  return [...withoutEffect('--exclude', exclude, layers), ...withoutEffect('--include', include, layers)];
}

function withoutEffect(option: string, patterns: readonly string[], layers: readonly PlanLayer[]): string[] {
  return compiledPatterns(patterns)
    .filter(({ matches }) => !layers.some(({ name }) => matches(name)))
    .map(({ source }) => `${option} ${source} matches no layer, and has no effect.`);
}
