/** What a file of statistics holds, whatever its format: arrays by the names of layers, read when they are asked for. */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { widen } from '../../checkpoint/elements/dtype';
import type { RowRange } from '../../checkpoint/elements/rowBand';
import type { CoveredLayer } from '../../shared/compression/statistics';

export type StatisticsField = CoveredLayer['has'][number];

/** Endings of names in a safetensors file. `writers` of such files use the same list. */
export const FIELD_ENDINGS: Readonly<Record<StatisticsField, string>> = {
  gram: '.input_gram',
  mean: '.input_mean',
  absMean: '.input_abs_mean',
  squareMean: '.input_square_mean',
  fisher: '.fisher',
};

/** Ending of the number of tokens behind the sums: one number, or one for each matrix of a stack. */
export const TOKENS_ENDING = '.tokens';

/**
 * Ending of what a block of the model does to its hidden states, after the block's prefix (`model.layers.3`): one number,
 * 1 − the mean cosine of what enters it and what leaves it.
 *
 * @see ShortGPT, arXiv 2403.03853 (block influence)
 */
export const BLOCK_INFLUENCE_ENDING = '.block_influence';

/**
 * Key of the metadata: an object, as JSON, of layers that have the inputs of another one (k and v those of q), by the names that
 * the other's arrays stand under.
 */
export const SAME_INPUTS_KEY = 'eigenscope.same_inputs';

/** Key of the metadata, and its value, in a file that was made from random inputs. */
export const SYNTHETIC_KEY = 'eigenscope.synthetic';
export const SYNTHETIC_VALUE = 'true';

/** An array of the file. */
export interface Measurement {
  /** As the file names it, for messages. */
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * Elements of rows [start, end) along the first axis, all of them without `rows`.
   *
   * @throws CheckpointError, AbortError
   */
  read(rows?: RowRange, signal?: AbortSignal): Promise<Float64Array>;
}

/** What the file has under one name. */
export interface NamedStatistics {
  readonly fields: Partial<Record<StatisticsField, Measurement>>;
  /** Tokens behind the sums, of each matrix; undefined if the file does not say. */
  readonly tokens?: readonly number[];
}

export interface StatisticsFile {
  readonly format: 'safetensors' | 'imatrix';
  readonly synthetic: boolean;
  readonly named: ReadonlyMap<string, NamedStatistics>;
  /** By the block's prefix; empty if the file says nothing of blocks. */
  readonly blockInfluence: ReadonlyMap<string, number>;
  /** What was wrong with the rest, in sentences. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** A tensor of a file that was opened as a checkpoint. */
export function measurementOf(file: Checkpoint, tensor: TensorInfo): Measurement {
  const { name, shape, dtype } = tensor;
  return { name, shape, read: async (rows, signal) => widen(await file.read(tensor, rows, signal), dtype) };
}
