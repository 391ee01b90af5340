/** From an allocation to the record that a plan's file holds. */
import { planNeedsStatistics } from '../../shared/compression/methodNeeds';
import type { CompressionPlan } from '../../shared/compression/plans';
import { PLAN_VERSION } from '../../shared/compression/planKeys';
import type { PlanSource } from '../../shared/compression/planSource';
import type { AllocatedPlan, PlanRequest } from './planRequest';

/**
 * @param asked what the plan was asked for; an ILP has its allocation's name instead of one of the planner's
 * @param more the statistics that are in use: they are named only if the plan cannot be run without them
 */
export function makePlan(
  { checkpoint }: Pick<PlanSource, 'checkpoint'>,
  asked: Omit<PlanRequest, 'allocation'> & Pick<CompressionPlan, 'allocation'>,
  { layers }: Pick<AllocatedPlan, 'layers'>,
  more: Pick<CompressionPlan, 'statistics' | 'groups'> = {},
): CompressionPlan {
  const { target, allocation, relative, method, exclude = [], multiple } = asked;
  const needed = planNeedsStatistics({ layers, ...(more.groups && { groups: more.groups }) });
  return {
    version: PLAN_VERSION,
    checkpoint,
    target,
    allocation,
    ...(relative && { relative }),
    method,
    exclude,
    multiple,
    ...(needed && more.statistics && { statistics: more.statistics }),
    layers,
    ...(more.groups && { groups: more.groups }),
  };
}
