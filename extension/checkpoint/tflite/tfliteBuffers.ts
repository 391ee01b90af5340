/** Finds the buffers of a TensorFlow Lite model: in the FlatBuffer or, in models beyond 2 GB, behind it. */
import type { FlatbufferReader, FlatVector } from './flatbufferReader';

export interface BufferRange {
  readonly offset: number;
  readonly length: number;
}

/** Least offset of a buffer behind the FlatBuffer; smaller ones mean that there is none. */
const FIRST_OFFSET = 2;

export class TfliteBuffers {
  constructor(
    private readonly reader: FlatbufferReader,
    private readonly buffers: FlatVector,
  ) {}

  /**
   * @returns undefined where the buffer is empty: that of tensors which are computed
   * @throws CheckpointError `malformed` where there is no such buffer, `truncated` where its bytes are not all in the file
   */
  locate(index: number): BufferRange | undefined {
    if (index === 0) return undefined;
    const { reader } = this;
    if (index >= this.buffers.length) {
      throw reader.malformed(`is stored in buffer ${index} of ${this.buffers.length}`, this.buffers.start);
    }
    const table = reader.element(this.buffers, index);
    const offset = table.uint64(1);
    if (offset >= FIRST_OFFSET) {
      const length = table.uint64(2);
      if (offset + length <= reader.file.size) return length === 0 ? undefined : { offset, length };
      const message = `the file ends at byte ${reader.file.size}, but promises data up to byte ${offset + length}`;
      throw reader.error('truncated', message, offset);
    }
    const data = table.reference(0);
    if (data === undefined) return undefined;
    const { start, length } = reader.vector(data, 1);
    return length === 0 ? undefined : { offset: start, length };
  }
}
