/** Statistics of a model's inputs from a file: what they cover, one layer's, and how well its Gram matrix is conditioned. */
import { CompressionError } from '../../compression/compressionError';
import { conditionOf } from '../../compression/statistics/gramCondition';
import type { GramUse } from '../../shared/compression/methodNeeds';
import type { LayerStatistics, StatisticsSummary } from '../../shared/compression/statistics';
import type { EngineDocument } from '../document/engineDocument';
import type { HeldStatistics } from '../document/heldStatistics';
import { leasedWork } from './leasedWork';
import { storedElements } from './compressChoice';
import { choiceMatrix, compressionBytes } from './compressLayer';
import { hostedProducts } from './hostedProducts';
import type { ComputingParts } from './requestParts';

/** @throws CompressionError `invalid-statistics`; AbortError */
export function useStatistics(
  files: HeldStatistics,
  document: EngineDocument,
  path: string,
  signal: AbortSignal,
): Promise<StatisticsSummary> {
  return files.use(document, path, signal, ({ summary }) => Promise.resolve(summary));
}

/**
 * What is known of one layer; nothing if no file is named.
 *
 * @throws CompressionError `invalid-statistics`, `unknown-layer`; AbortError
 */
export async function layerStatistics(
  files: HeldStatistics,
  document: EngineDocument,
  path: string | undefined,
  layer: string,
  signal: AbortSignal,
): Promise<LayerStatistics> {
  return path === undefined ? {} : files.use(document, path, signal, (source) => source.layer(layer, signal));
}

/**
 * Tries the statistics of a layer as a run will use them, by the check that `eigenscope plan` makes.
 *
 * @returns why they cannot be used, in words that name the array; null if they can
 * @throws CompressionError `unknown-layer`; AbortError
 */
export async function triedStatistics(
  parts: ComputingParts & { readonly statistics: HeldStatistics },
  document: EngineDocument,
  { path, layer, use }: { path: string; layer: string; use: GramUse },
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const { gram, mean, tokens } = await layerStatistics(parts.statistics, document, path, layer, signal);
    if (!gram || use === 'read') return null;
    const statistics = { gram, ...(mean && { mean }), ...(tokens !== undefined && { tokens }) };
    const needed = { what: `trying the statistics of ${layer}`, bytes: 2 * gram.byteLength };
    return await leasedWork(parts, needed, signal, ({ calls }) =>
      calls.tryStatistics({ layer, statistics, use }, { transfer: [gram.buffer] }),
    );
  } catch (error) {
    if (error instanceof CompressionError && error.code === 'invalid-statistics') return error.reason;
    throw error;
  }
}

/**
 * What svd-llm cuts of a layer: all λ of W·L, descending; null if its statistics have no Gram matrix.
 *
 * @throws CompressionError `not-finite`, EngineError, LayerError `limit`, and as `layerStatistics`
 */
export async function gramSpectrumOf(
  parts: ComputingParts,
  document: EngineDocument,
  { gram }: LayerStatistics,
  layer: string,
  signal: AbortSignal,
): Promise<Float64Array | null> {
  if (!gram) return null;
  const { inputsFirst, storedBytes: _, ...matrix } = choiceMatrix(document, layer);
  const statistics = { gram };
  const bytes = compressionBytes(matrix, document.layer(layer).tensor, statistics);
  const products = await hostedProducts(parts, matrix);
  return leasedWork(parts, { what: `the spectrum of the outputs of ${layer}`, bytes }, signal, async (lease) => {
    if (products) lease.serve(products);
    const stored = await storedElements(document, layer, signal);
    const task = { matrix: stored, inputsFirst, statistics };
    return lease.calls.gramSpectrum(task, { transfer: [stored.bytes.buffer, gram.buffer] });
  });
}

/**
 * λ_max/λ_min of the Gram matrix of a layer's inputs; null if it has none. Messages between processes are JSON, which has
 * no Infinity.
 *
 * @throws as `layerStatistics`
 */
export async function gramConditionOf(
  parts: ComputingParts & { readonly statistics: HeldStatistics },
  document: EngineDocument,
  path: string,
  layer: string,
  signal: AbortSignal,
): Promise<number | 'singular' | null> {
  const { gram } = await layerStatistics(parts.statistics, document, path, layer, signal);
  if (!gram) return null;
  const n = Math.sqrt(gram.length);
  const needed = { what: `the condition of the Gram matrix of ${layer}`, bytes: 2 * gram.byteLength };
  const eigenvalues = await leasedWork(parts, needed, signal, ({ calls }) =>
    calls.windowEigenvalues({ matrix: gram, n }, { transfer: [gram.buffer] }),
  );
  const condition = conditionOf(eigenvalues);
  return Number.isFinite(condition) ? condition : 'singular';
}
