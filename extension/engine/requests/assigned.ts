/** A plan by integer programming: one of a few methods, ranks and bit widths for each layer. */
import { assignmentChoices } from '../../compression/assignment/choices';
import { assignInThread } from '../../compression/assignment/inThread';
import { assertAssignable } from '../../compression/plan/assertRequest';
import type { Planner } from '../../compression/plan/planner';
import { relativeGap } from '../../compression/plan/solutions';
import type { AllocatedPlan, PlanRequest } from '../../compression/plan/planRequest';
import type { MethodName } from '../../shared/compression/methodTable';
import type { LayerChoice, LayerPlan } from '../../shared/compression/plans';

export interface AssignedOptions {
  /** Methods to choose among; that of the request if there are none. */
  readonly choices: readonly LayerChoice[];
  /** Seconds. */
  readonly timeLimit: number;
  /** Why a method cannot be run on a layer; undefined if it can. */
  readonly lacking?: (layer: string, method: MethodName) => string | undefined;
}

/**
 * @param request as for `optimal`, by whose needs layers take part; pinned rows are kept, and the others share the rest
 * @throws RangeError as `Planner.allocate`, and for a method that no error or size can decide about; the signal's reason when it fires
 */
export async function assigned(
  planner: Planner,
  request: PlanRequest,
  { choices, timeLimit, lacking = () => undefined }: AssignedOptions,
  signal: AbortSignal,
  solve: typeof assignInThread = assignInThread,
): Promise<AllocatedPlan> {
  const methods = choices.length > 0 ? choices : [request.method];
  assertAssignable(methods);
  const unable = new Map<string, string>();
  const { layers, cap } = planner.assignment(request, (layer) => {
    const possible = methods.filter(({ method }) => lacking(layer.name, method) === undefined);
    if (possible.length === 0) unable.set(layer.name, lacking(layer.name, methods[0]!.method)!);
    return assignmentChoices(layer, possible, request.multiple);
  });
  const numbers = layers.map(({ capped, minimised }) => ({ capped, minimised }));
  const solution = await solve({ layers: numbers, cap, timeLimit }, signal);
  // Without a solution nothing meets the cap, and the first plan of each comes nearest.
  const plans = layers.map(({ name, plans: own }, l): [string, LayerPlan] => {
    const why = unable.get(name);
    return [name, why === undefined ? own[solution?.chosen[l] ?? 0]! : { keep: 'dense', why }];
  });
  const gap = solution && relativeGap(solution);
  return planner.described(request, { ...Object.fromEntries(plans), ...request.pinned }, gap);
}
