/**
 * Statistics of a model's inputs from a file: safetensors as a calibration writes them, or an imatrix of llama.cpp in
 * either form. Opening reads headers and counts; a layer's arrays are read and checked when they are asked for.
 */
import type { Checkpoint } from '../../checkpoint/checkpoint';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { FileReader } from '../../checkpoint/files/fileReader';
import { looksLikeGguf } from '../../checkpoint/gguf/ggufHeader';
import { looksLikeSafetensors } from '../../checkpoint/safetensors/safetensorsHeader';
import type { LayerStatistics, StatisticsSummary } from '../../shared/compression/statistics';
import { CompressionError } from '../compressionError';
import { readStatistics } from './checkedStatistics';
import { coverage, fieldsOf, type Coverage } from './coveredLayers';
import { openImatrixBinary } from './imatrixBinary';
import { openImatrixGguf } from './imatrixGguf';
import { openSafetensorsStatistics } from './safetensorsStatistics';
import type { StatisticsFile } from './statisticsFile';
import { statisticsFingerprint } from './statisticsFingerprint';
import { StatisticsLayers } from './statisticsLayers';

/** Enough to tell the formats apart. */
const HEAD_BYTES = 16;

export interface StatisticsSource {
  readonly summary: StatisticsSummary;
  /**
   * What is known of a layer, by the name of its tensor (of an expert `name[index]`); empty if that is nothing.
   *
   * @throws CompressionError `invalid-statistics` if its arrays are no statistics of it, `unknown-layer`
   * @throws DOMException `AbortError`
   */
  layer(name: string, signal?: AbortSignal): Promise<LayerStatistics>;
  close(): Promise<void>;
}

/**
 * @param checkpoint the model that the file is of
 * @throws CompressionError `invalid-statistics` for a file that holds none, or none of this model
 * @throws DOMException `AbortError`
 */
export async function openStatistics(
  path: string,
  checkpoint: Pick<Checkpoint, 'path' | 'tensors'>,
  signal?: AbortSignal,
): Promise<StatisticsSource> {
  return told(path, async () => {
    const fingerprint = await statisticsFingerprint(path, signal);
    const file = await openFile(path, signal);
    try {
      const layers = new StatisticsLayers(checkpoint);
      const covered = coverage(file, layers, path, checkpoint.path);
      return new OpenStatistics(path, fingerprint, file, covered, layers);
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

class OpenStatistics implements StatisticsSource {
  readonly summary: StatisticsSummary;
  private readonly names: ReadonlySet<string>;

  constructor(
    private readonly path: string,
    fingerprint: string,
    private readonly file: StatisticsFile,
    private readonly coverage: Coverage,
    { all }: StatisticsLayers,
  ) {
    this.names = new Set(all.map(({ name }) => name));
    const covered = all.flatMap(({ name }) => coverage.layers.get(name) ?? []);
    this.summary = {
      path,
      fingerprint,
      format: file.format,
      synthetic: file.synthetic,
      covered: covered.map((arrays) => ({
        ...{ layer: arrays.sides.name, tokens: arrays.tokens ?? null, has: fieldsOf(arrays), condition: null },
      })),
      missing: all.map(({ name }) => name).filter((name) => !coverage.layers.has(name)),
      unknown: coverage.unknown,
      refused: Object.fromEntries(coverage.refused),
      ...(file.blockInfluence.size > 0 && { blockInfluence: Object.fromEntries(file.blockInfluence) }),
      problems: [...file.problems, ...coverage.problems],
    };
  }

  async layer(name: string, signal?: AbortSignal): Promise<LayerStatistics> {
    const refused = this.coverage.refused.get(name);
    if (refused !== undefined)
      throw new CompressionError('invalid-statistics', refused, { file: this.path, layer: name });
    const arrays = this.coverage.layers.get(name);
    if (arrays) return told(this.path, () => readStatistics(arrays, this.path, signal));
    if (this.names.has(name)) return {};
    throw new CompressionError('unknown-layer', 'the model has no such layer', { layer: name });
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

async function openFile(path: string, signal?: AbortSignal): Promise<StatisticsFile> {
  const head = await headOf(path, signal);
  if (looksLikeGguf(head)) return openImatrixGguf(path, signal);
  if (looksLikeSafetensors(head)) return openSafetensorsStatistics(path, signal);
  return openImatrixBinary(path, signal);
}

async function headOf(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const reader = await FileReader.open(path);
  try {
    return await reader.read(0, Math.min(reader.size, HEAD_BYTES), signal);
  } finally {
    await reader.close();
  }
}

/** What is wrong with the bytes of the file, as an error of statistics. */
async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    // `FILE: reason`, or `FILE, byte 12: reason`.
    const named = error.message.startsWith(`${path}: `) || error.message.startsWith(`${path}, `);
    const reason = named ? error.message.slice(path.length + 2) : error.message;
    throw new CompressionError('invalid-statistics', reason, { file: path, cause: error });
  }
}
