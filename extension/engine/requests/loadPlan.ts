/** Reads a plan's file and holds it against the open checkpoint: before it is shown, and before it is run. */
import path from 'node:path';
import { checkPlan } from '../../compression/planFile/checkPlan';
import { readPlan } from '../../compression/planFile/planFiles';
import { openStatistics } from '../../compression/statistics/statisticsSource';
import type { CompressionPlan } from '../../shared/compression/plans';
import type { EngineDocument } from '../document/engineDocument';
import { planLayersOf } from './planSource';

/**
 * @param statistics their file, if there is one
 * @throws CompressionError `invalid-plan` as `parsePlan` and `checkPlan`; CheckpointError from reading
 */
export async function loadPlan(
  document: EngineDocument,
  file: string,
  statistics: string | undefined,
  signal: AbortSignal,
): Promise<CompressionPlan> {
  const plan = await readPlan(file, signal);
  const source = await planLayersOf(document, signal);
  checkPlan(
    plan,
    source,
    file,
    statistics === undefined ? undefined : await namedStatistics(statistics, document, signal),
  );
  return plan;
}

async function namedStatistics(
  file: string,
  document: EngineDocument,
  signal: AbortSignal,
): Promise<{ name: string; fingerprint: string }> {
  const source = await openStatistics(file, document.checkpoint, signal);
  try {
    return { name: path.basename(file), fingerprint: source.summary.fingerprint };
  } finally {
    await source.close();
  }
}
