/**
 * A plan of layers that hold numbers: without spectra nothing has read their values, and a run stops at a NaN after hours.
 */
import type { AllocatedPlan } from '../../compression/plan/planRequest';
import type { PlanLayer } from '../../shared/compression/plans';
import type { EngineDocument } from '../document/engineDocument';
import { whereNotFinite } from '../layer/firstNotFinite';

/**
 * Reads each layer that is compressed and has no spectrum. One with NaN or infinity stays dense, and the others are
 * planned anew.
 *
 * @param plan of these layers
 * @param onRead after each layer that was read
 * @throws CheckpointError, AbortError, and what planning throws
 */
export async function planOfFinite(
  document: EngineDocument,
  given: readonly PlanLayer[],
  plan: (layers: readonly PlanLayer[]) => Promise<AllocatedPlan>,
  onRead: (layer: string) => void,
  signal: AbortSignal,
): Promise<{ layers: readonly PlanLayer[]; planned: AllocatedPlan }> {
  let layers = given;
  const unread = new Set(layers.filter(({ eigenvalues }) => !eigenvalues).map(({ name }) => name));
  for (;;) {
    const planned = await plan(layers);
    const bad = new Map<string, string>();
    for (const { name, plan: own } of planned.rows) {
      if ('keep' in own || !unread.delete(name)) continue;
      const where = await whereNotFinite(document, name, signal);
      if (where !== undefined) bad.set(name, `cannot be analysed: it ${where}`);
      onRead(name);
    }
    if (bad.size === 0) return { layers, planned };
    layers = layers.map((layer) => {
      const why = bad.get(layer.name);
      return why === undefined ? layer : { ...layer, leftOut: { why, always: true, problem: true } };
    });
  }
}
