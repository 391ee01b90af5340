/** A plan of an open checkpoint by integer programming, from what is known of its layers. */
import { preparePlan } from '../../compression/plan/planner';
import type { Assignment, AssignmentRequest } from '../../shared/compression/assignments';
import { KnownOfLayers } from '../../shared/compression/methodNeeds';
import type { InspectSettings } from '../../shared/layers';
import type { EngineDocument } from '../document/engineDocument';
import type { HeldStatistics } from '../document/heldStatistics';
import { assigned } from './assigned';
import { planSource } from './planSource';
import type { RequestParts } from './requestParts';
import { useQuantised, type QuantisedParts } from './useQuantised';
import { useStatistics } from './useStatistics';

/**
 * Layers that were not inspected stay dense: nothing is computed for it.
 *
 * @throws RangeError in a sentence for people, for what cannot be asked together
 * @throws CompressionError `invalid-statistics`; CheckpointError; the signal's reason when it fires
 */
export async function assignPlan(
  parts: Pick<RequestParts, 'outcomes'> & QuantisedParts & { readonly statistics: HeldStatistics },
  document: EngineDocument,
  { choices, timeLimit, statistics: path, quantised, ...asked }: AssignmentRequest,
  settings: InspectSettings,
  signal: AbortSignal,
): Promise<Assignment> {
  const began = performance.now();
  const source = await planSource(parts, document, { compute: 'nothing', settings }, signal);
  const statistics = path === undefined ? null : await useStatistics(parts.statistics, document, path, signal);
  const held = quantised === undefined ? [] : (await useQuantised(parts, document, quantised, signal)).layers;
  const known = new KnownOfLayers(statistics, new Set(held));
  const planned = await assigned(
    preparePlan(source.layers, source.rest),
    { ...asked, allocation: 'optimal', rebalance: true },
    { choices, timeLimit, lacking: (layer, method) => known.lacking(layer, method) },
    signal,
  );
  return { layers: planned.layers, gap: planned.gap ?? null, seconds: (performance.now() - began) / 1000 };
}
