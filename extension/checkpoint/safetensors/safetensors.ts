/** safetensors, one file: named tensors one after the other behind a JSON header (`safetensorsHeader.ts`). */
import type { Problem } from '../../shared/tensors';
import type { Checkpoint, CheckpointFormat, StoredPart, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { FileSet } from '../files/fileSet';
import { decodePacked, packedBand } from '../elements/packedElements';
import { bandBytes, type RowRange } from '../elements/rowBand';
import { looksLikeSafetensors, readSafetensorsHeader, storedLength, type StoredTensor } from './safetensorsHeader';

export const safetensorsFormat: CheckpointFormat = {
  name: 'safetensors',
  suffixes: ['.safetensors'],
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
  return new StoredCheckpoint({ path, format: 'safetensors', files: [path], ...header }, files);
}

interface StoredContents {
  readonly path: string;
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly StoredTensor[];
  readonly problems: readonly Problem[];
}

/** A checkpoint whose tensors lie contiguous in their files, in the order and type they are read in. */
class StoredCheckpoint implements Checkpoint {
  readonly path: string;
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorInfo[];
  readonly problems: readonly Problem[];
  private readonly stored = new Map<string, StoredTensor>();

  constructor(
    contents: StoredContents,
    private readonly fileSet: FileSet,
  ) {
    this.path = contents.path;
    this.format = contents.format;
    this.files = contents.files;
    this.metadata = contents.metadata;
    this.tensors = contents.tensors;
    this.problems = contents.problems;
    for (const tensor of contents.tensors) this.stored.set(tensor.name, tensor);
  }

  async read(tensor: TensorInfo, rows?: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const stored = this.storedTensor(tensor);
    const { packed } = stored;
    if (!packed) {
      const { offset, length } = bandBytes(stored, rows);
      return this.readStored(stored, offset, length, signal);
    }
    const { offset, length, skip, count } = packedBand(stored, packed, rows);
    return decodePacked(await this.readStored(stored, offset, length, signal), packed, skip, count);
  }

  storedParts(tensor: TensorInfo): readonly StoredPart[] | undefined {
    const stored = this.storedTensor(tensor);
    const { name, shape, packed } = stored;
    if (!packed) return undefined;
    const read: StoredPart['read'] = (start, end, signal) => this.readStored(stored, start, end - start, signal);
    return [{ name, dtype: packed, shape, byteLength: storedLength(stored), read }];
  }

  private readStored(
    { file, offset }: StoredTensor,
    from: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    return this.fileSet.use(file, (reader) => reader.read(offset + from, length, signal));
  }

  private storedTensor({ name }: TensorInfo): StoredTensor {
    const stored = this.stored.get(name);
    if (!stored) throw new CheckpointError('malformed', 'is not in the checkpoint', { file: this.path, tensor: name });
    return stored;
  }

  async close(): Promise<void> {
    await this.fileSet.close();
  }
}
