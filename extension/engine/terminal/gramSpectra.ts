/** The spectra that the allocation `optimal-gram` goes by: of W·L, for each layer with a Gram matrix of its inputs. */
import type { StatisticsSource } from '../../compression/statistics/statisticsSource';
import type { PlanLayer } from '../../shared/compression/plans';
import type { EngineDocument } from '../document/engineDocument';
import type { ComputingParts } from '../requests/requestParts';
import { gramSpectrumOf } from '../requests/useStatistics';

/**
 * @param wanted layers that the plan decides about
 * @throws CompressionError `invalid-statistics`, LayerError `limit`, CheckpointError; the signal's reason when it fires
 */
export async function withGramSpectra(
  parts: ComputingParts,
  document: EngineDocument,
  layers: readonly PlanLayer[],
  statistics: StatisticsSource,
  wanted: (layer: PlanLayer) => boolean,
  onLayer: (name: string) => void,
  signal: AbortSignal,
): Promise<PlanLayer[]> {
  const covered = new Set(
    statistics.summary.covered.flatMap(({ layer, has }) => (has.includes('gram') ? [layer] : [])),
  );
  const known: PlanLayer[] = [];
  for (const layer of layers) {
    const { name } = layer;
    if (!covered.has(name) || !wanted(layer)) {
      known.push(layer);
      continue;
    }
    onLayer(`${name}: spectrum under the Gram matrix`);
    const own = await statistics.layer(name, signal);
    const gramEigenvalues = await gramSpectrumOf(parts, document, own, name, signal);
    known.push(gramEigenvalues ? { ...layer, gramEigenvalues } : layer);
  }
  return known;
}
