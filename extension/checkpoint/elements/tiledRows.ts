/** Rows of a tensor that is stored in blocks: only the blocks that hold some of them are read, and of those the rows. */
import { product } from '../../shared/matrixAxes';
import type { Block } from './chunkTiling';
import { allocate } from '../files/fileReader';
import type { RowRange } from './rowBand';
import type { RowSource } from './rowSource';

export interface Chunk extends Block {
  /** Its rows, counted from its own first. */
  readonly source: RowSource;
}

export class TiledRows implements RowSource {
  /** In the order of their first rows. */
  private readonly chunks: readonly Chunk[];

  /** @param chunks that are a tiling of the shape (`tilingProblem`) */
  constructor(
    private readonly shape: readonly number[],
    private readonly elementBytes: number,
    chunks: readonly Chunk[],
    private readonly file: string,
  ) {
    this.chunks = chunks
      .filter(({ sizes }) => !sizes.includes(0))
      .sort((a, b) => (a.offsets[0] ?? 0) - (b.offsets[0] ?? 0));
  }

  async readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const { shape, chunks } = this;
    if (chunks.length === 1) return chunks[0]!.source.readRows(rows, signal);
    const [, ...across] = shape;
    const target = allocate((rows.end - rows.start) * product(across) * this.elementBytes, this.file, 0);
    for (const { offsets, sizes, source } of chunks) {
      const start = Math.max(rows.start, offsets[0]!);
      const end = Math.min(rows.end, offsets[0]! + sizes[0]!);
      if (start >= end) continue;
      const part = await source.readRows({ start: start - offsets[0]!, end: end - offsets[0]! }, signal);
      const block = [end - start, ...sizes.slice(1)];
      this.place(part, block, target, [start - rows.start, ...offsets.slice(1)]);
    }
    return target;
  }

  /** Copies a block to where it lies in rows of the tensor, one run of neighbouring elements after the other. */
  private place(part: Uint8Array, block: readonly number[], target: Uint8Array, at: readonly number[]): void {
    const { shape, elementBytes } = this;
    // Axes that the block spans in full are one run with the axis before them.
    let inner = block.length - 1;
    while (inner > 0 && block[inner] === shape[inner]) inner--;
    const run = product(block.slice(inner)) * elementBytes;
    const strides = shape.map((_, axis) => product(shape.slice(axis + 1)) * elementBytes);
    const position = at.map(() => 0);
    for (let from = 0; from < part.length; from += run) {
      const to = strides.reduce((sum, stride, axis) => sum + (at[axis]! + position[axis]!) * stride, 0);
      target.set(part.subarray(from, from + run), to);
      for (let axis = inner - 1; axis >= 0 && ++position[axis]! === block[axis]; axis--) position[axis] = 0;
    }
  }
}
