/** safetensors, one file: named tensors one after the other behind a JSON header (`safetensorsHeader.ts`). */
import type { Checkpoint, CheckpointFormat, StoredBytes, StoredPart } from '../checkpoint';
import { FileSet } from '../files/fileSet';
import { decodePacked, packedBand } from '../elements/packedElements';
import { bandBytes, type RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedTensor } from '../elements/sourcedCheckpoint';
import { looksLikeSafetensors, readSafetensorsHeader, storedLength, type StoredTensor } from './safetensorsHeader';

export const safetensorsFormat: CheckpointFormat = {
  name: 'safetensors',
  matches: (_path, head) => looksLikeSafetensors(head),
  async open(path, signal) {
    const files = new FileSet();
    try {
      return await openSafetensors(path, files, signal);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

/**
 * The checkpoint closes the files; where this throws, the caller does.
 *
 * @throws CheckpointError
 */
export async function openSafetensors(path: string, files: FileSet, signal?: AbortSignal): Promise<Checkpoint> {
  const header = await files.use(path, (reader) => readSafetensorsHeader(reader, signal));
  const { metadata, tensors, problems } = header;
  return new SourcedCheckpoint(files.under(path), {
    ...{ format: 'safetensors', metadata, problems },
    tensors: tensors.map((tensor) => new StoredRows(tensor, files)),
  });
}

/** Rows of a tensor that lies contiguous in its file. Tensor and source in one object: a header can list 100 000. */
class StoredRows implements SourcedTensor, RowSource {
  constructor(
    readonly info: StoredTensor,
    private readonly files: FileSet,
  ) {}

  get source(): RowSource {
    return this;
  }

  async readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    const { packed } = this.info;
    if (!packed) {
      const { offset, length } = bandBytes(this.info, rows);
      return this.readStored(offset, length, signal);
    }
    const { offset, length, skip, count } = packedBand(this.info, packed, rows);
    return decodePacked(await this.readStored(offset, length, signal), packed, skip, count);
  }

  storedParts(): readonly StoredPart[] | undefined {
    const { name, shape, packed } = this.info;
    if (!packed) return undefined;
    const read: StoredPart['read'] = (start, end, signal) => this.readStored(start, end - start, signal);
    return [{ name, dtype: packed, shape, byteLength: storedLength(this.info), read }];
  }

  storedBytes(): StoredBytes | undefined {
    const { file, offset, packed } = this.info;
    if (packed) return undefined;
    return {
      copyTo: (target, position, start, end) =>
        this.files.use(file, (reader) => {
          reader.copyTo(target, position, offset + start, end - start);
          return Promise.resolve();
        }),
    };
  }

  private readStored(from: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { file, offset } = this.info;
    return this.files.use(file, (reader) => reader.read(offset + from, length, signal));
  }
}
