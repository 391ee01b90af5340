/** Plans of a language model that are not saved yet, as weights that can be run. */
import path from 'node:path';
import type { Decoder } from '../../decoder/openDecoder';
import { assertCompresses } from '../../compression/planFile/checkPlan';
import { openStatistics, type StatisticsSource } from '../../compression/statistics/statisticsSource';
import { PLAN_ENDING } from '../../shared/compression/plans';
import { planNeedsStatistics } from '../../shared/compression/methodNeeds';
import type { EngineDocument } from '../document/engineDocument';
import { loadPlan } from '../requests/loadPlan';
import { planGroups } from '../requests/planGroups';
import { planWeights } from '../requests/planWeights';
import { tiedLayers } from '../requests/tiedLayers';
import { PlannedWeights } from './plannedWeights';

export interface PlanVariant {
  readonly name: string;
  readonly source: PlannedWeights;
}

/**
 * @param files of the plans
 * @param statistics their file, if there is one; it stays open until `close`
 * @throws CompressionError if a plan is not for this model or these statistics, or has what cannot be run; CheckpointError
 */
export async function openPlans(
  decoder: Decoder,
  document: EngineDocument,
  files: readonly string[],
  statistics: string | undefined,
): Promise<{ variants: PlanVariant[]; close: () => Promise<void> }> {
  const { signal } = new AbortController();
  const source = statistics === undefined ? undefined : await openStatistics(statistics, document.checkpoint, signal);
  const close = async (): Promise<void> => source?.close();
  try {
    const variants: PlanVariant[] = [];
    for (const file of files) {
      const planned = await plannedOf(decoder, document, file, statistics, source, signal);
      variants.push({ name: path.basename(file, PLAN_ENDING), source: planned });
    }
    return { variants, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function plannedOf(
  decoder: Decoder,
  document: EngineDocument,
  file: string,
  statistics: string | undefined,
  source: StatisticsSource | undefined,
  signal: AbortSignal,
): Promise<PlannedWeights> {
  // A plan that reads no statistics runs beside others that do, whatever it was made with.
  const plan = await loadPlan(document, file, statistics, signal);
  assertCompresses(plan, file);
  const { weights } = planWeights(document, plan, undefined, await tiedLayers(document, signal));
  const groups = planGroups(document, plan, weights, undefined);
  return new PlannedWeights(decoder, document, { weights, groups }, planNeedsStatistics(plan) ? source : undefined);
}
