/** Statistics of a model's inputs from a file: what they cover, one layer's, and how well its Gram matrix is conditioned. */
import { openStatistics, type StatisticsSource } from '../../compression/statistics/statisticsSource';
import { conditionOf } from '../../compression/statistics/gramCondition';
import type { LayerStatistics, StatisticsSummary } from '../../shared/compression/statistics';
import type { EngineDocument } from '../document/engineDocument';
import { leasedWork } from './leasedWork';
import type { ComputingParts } from './requestParts';

/** @throws CompressionError `invalid-statistics`; AbortError */
export async function useStatistics(
  document: EngineDocument,
  path: string,
  signal: AbortSignal,
): Promise<StatisticsSummary> {
  return opened(document, path, signal, ({ summary }) => Promise.resolve(summary));
}

/**
 * What is known of one layer; nothing if no file is named.
 *
 * @throws CompressionError `invalid-statistics`, `unknown-layer`; AbortError
 */
export async function layerStatistics(
  document: EngineDocument,
  path: string | undefined,
  layer: string,
  signal: AbortSignal,
): Promise<LayerStatistics> {
  return path === undefined ? {} : opened(document, path, signal, (source) => source.layer(layer, signal));
}

/**
 * λ_max/λ_min of the Gram matrix of a layer's inputs; null if it has none, Infinity if it is singular.
 *
 * @throws as `layerStatistics`
 */
export async function gramConditionOf(
  parts: ComputingParts,
  document: EngineDocument,
  path: string,
  layer: string,
  signal: AbortSignal,
): Promise<number | null> {
  const { gram } = await layerStatistics(document, path, layer, signal);
  if (!gram) return null;
  const n = Math.sqrt(gram.length);
  const eigenvalues = await leasedWork(parts, 2 * gram.byteLength, signal, ({ calls }) =>
    calls.windowEigenvalues({ matrix: gram, n }, { transfer: [gram.buffer] }),
  );
  return conditionOf(eigenvalues);
}

async function opened<T>(
  document: EngineDocument,
  path: string,
  signal: AbortSignal,
  work: (source: StatisticsSource) => Promise<T>,
): Promise<T> {
  const source = await openStatistics(path, document.checkpoint, signal);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}
