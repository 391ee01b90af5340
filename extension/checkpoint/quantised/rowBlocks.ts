/**
 * Weights whose codes lie row by row, with scales for runs of them in the same rows: any leading axes (experts) are rows,
 * too. Rows are read and decoded a few at a time, so that no more than the result and one band is held.
 */
import { product } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import { floats } from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';

/** At most this much of the codes is held and decoded at a time, or one step along the first axis. */
const BAND_BYTES = 4 * 1024 * 1024;

/** A band of rows: positions within it, and where its elements go. */
export interface RowBlock {
  /** Along the first axis. */
  readonly first: RowRange;
  /** Rows of the last axis in it. */
  readonly rows: number;
  readonly target: Float32Array;
}

/**
 * @param codes whose first axis is the weight's
 * @param shape of the weight
 * @param fill writes the elements of one block
 */
export async function decodeRows(
  codes: TensorInfo,
  shape: readonly number[],
  { start, end }: RowRange,
  fill: (block: RowBlock) => Promise<void>,
): Promise<Float32Array> {
  const perStep = product(shape.slice(1));
  const rowsPerStep = product(shape.slice(1, -1));
  const weights = floats((end - start) * perStep);
  const steps = Math.max(1, Math.floor(BAND_BYTES / Math.max(1, codes.byteLength / shape[0]!)));
  for (let at = start; at < end; at += steps) {
    const stop = Math.min(end, at + steps);
    const target = weights.subarray((at - start) * perStep, (stop - start) * perStep);
    await fill({ first: { start: at, end: stop }, rows: (stop - at) * rowsPerStep, target });
  }
  return weights;
}
