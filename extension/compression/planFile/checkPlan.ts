/** Holds a plan against the model that is open: is it for this one, and can every layer be what it says? */
import { choiceProblem } from '../../shared/compression/choiceProblem';
import type { PlanSource } from '../../shared/compression/planSource';
import type { CompressionPlan } from '../../shared/compression/plans';
import { firstNames } from '../../checkpoint/problemList';
import { didYouMean } from '../../shared/names/nearestNames';
import { CompressionError } from '../compressionError';
import { placeOf } from './jsonPlaces';

/** @throws CompressionError `invalid-plan` if nothing would become smaller */
export function assertCompresses(
  { layers, groups = {} }: Pick<CompressionPlan, 'layers' | 'groups'>,
  file: string,
): void {
  if (Object.keys(groups).length > 0 || Object.values(layers).some((layer) => !('keep' in layer))) return;
  throw new CompressionError('invalid-plan', 'the plan keeps every layer dense, so there is nothing to do', { file });
}

/** Names that a message lists. */
const NAMES_SHOWN = 3;

/**
 * @param file of the plan, for messages
 * @param statistics that are open; undefined if there are none
 * @throws CompressionError `invalid-plan`: another model, other statistics, a layer that the model does not have or the
 *   plan does not name, a rank or an option that the layer cannot have, a layer that cannot be compressed
 */
export function checkPlan(
  plan: CompressionPlan,
  { checkpoint, layers }: Pick<PlanSource, 'checkpoint' | 'layers'>,
  file: string,
  statistics?: { readonly name: string; readonly fingerprint: string },
): void {
  const refuse = (message: string): never => {
    throw new CompressionError('invalid-plan', message, { file });
  };
  if (plan.checkpoint.fingerprint !== checkpoint.fingerprint) {
    refuse(
      `the plan is for another model: it was made for ${plan.checkpoint.name}, and ${checkpoint.name} has other tensors ` +
        'or other weights; make a plan for this model',
    );
  }
  const named = plan.statistics;
  if (named && !statistics) refuse(`the plan needs the statistics ${named.name}; name their file`);
  if (named && statistics && named.fingerprint !== statistics.fingerprint) {
    refuse(`the plan was made with the statistics ${named.name}, and ${statistics.name} holds others`);
  }
  const known = new Map(layers.map((layer) => [layer.name, layer]));
  const unknown = Object.keys(plan.layers).find((name) => !known.has(name));
  if (unknown !== undefined) {
    refuse(`${placeOf(['layers', unknown])} is no layer of ${checkpoint.name}${didYouMean(unknown, known.keys())}`);
  }
  const missing = layers.filter(({ name }) => !Object.hasOwn(plan.layers, name)).map(({ name }) => name);
  if (missing.length > 0) {
    const what = missing.length === 1 ? 'the layer' : `${missing.length} layers:`;
    refuse(
      `it says nothing of ${what} ${firstNames(missing, NAMES_SHOWN)}; add ` +
        '{ "keep": "dense", "why": "…" } for what is to stay',
    );
  }
  for (const layer of layers) {
    const own = plan.layers[layer.name]!;
    if ('keep' in own) continue;
    const place = placeOf(['layers', layer.name]);
    const { outputs, inputs, leftOut } = layer;
    if (leftOut?.always) refuse(`${place}: the layer cannot be compressed: it ${leftOut.why}`);
    const problem = choiceProblem(own, { outputs, inputs });
    if (problem) refuse(`${place}: ${problem.message}`);
  }
}
