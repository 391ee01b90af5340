/** The columns of a matrix on their way to its Gram matrix: a chunk at a time, the next one prepared meanwhile. */
import type { GramSum } from '../../linalg/gram/gramSum';
import type { ColumnSource } from '../../linalg/gram/slidingGram';

/** The columns of one matrix, or of its transpose where it is tall; asked for as often as they are needed. */
export interface Columns {
  /** Rows: the matrix's smaller side. */
  side: number;
  /** Columns: its larger side. */
  long: number;
  /** side × (end − start). */
  chunk: ColumnSource;
}

export interface AddingOptions {
  /** Bytes of a chunk, in float64. */
  chunkBytes: number;
  signal: AbortSignal;
  /**
   * Arrays that are not needed any more; those that were used for chunks are put back. Fresh memory costs more time
   * than the products.
   */
  spare?: Float64Array[];
  /** Share of the columns that are added, in [0, 1]. */
  onProgress?: (fraction: number) => void;
}

/** @throws as `GramSum.add` and the source do; nothing is then in preparation any more */
export async function addColumns(
  gram: Pick<GramSum, 'add'>,
  { side, long, chunk }: Columns,
  { chunkBytes, signal, spare = [], onProgress }: AddingOptions,
): Promise<void> {
  const step = Math.max(1, Math.floor(chunkBytes / (8 * side)));
  const prepare = (start: number): Promise<Float64Array> | undefined =>
    start < long ? chunk(start, Math.min(start + step, long), spare.pop()) : undefined;
  let next = prepare(0);
  try {
    for (let start = 0; start < long; start += step) {
      const elements: Float64Array = await next!;
      const end = Math.min(start + step, long);
      next = prepare(end);
      // A cancel rejects it while the product goes on: unheard till then, it would end the process.
      next?.catch(() => undefined);
      await gram.add(elements, end - start, signal);
      spare.push(new Float64Array(elements.buffer));
      onProgress?.(end / long);
    }
  } catch (error) {
    // A failed product leaves a chunk in preparation: the next call must begin after it.
    await next?.catch(() => undefined);
    throw error;
  }
}
