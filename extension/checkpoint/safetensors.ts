/** safetensors, one file: named tensors one after the other behind a JSON header (`safetensorsHeader.ts`). */
import type { Checkpoint, CheckpointFormat, TensorInfo } from './checkpoint';
import { CheckpointError } from './checkpoint';
import { FileSet } from './fileSet';
import { bandBytes, type RowRange } from './rowBand';
import { looksLikeSafetensors, readSafetensorsHeader, type StoredTensor } from './safetensorsHeader';
import type { Problem } from '../protocol';

export const safetensorsFormat: CheckpointFormat = {
  name: 'safetensors',
  suffixes: ['.safetensors'],
  matches: (_path, head) => looksLikeSafetensors(head),
  async open(path, signal) {
    const files = new FileSet();
    try {
      const header = await files.use(path, (reader) => readSafetensorsHeader(reader, signal));
      return new StoredCheckpoint({ path, format: 'safetensors', files: [path], ...header }, files);
    } catch (error) {
      await files.close();
      throw error;
    }
  },
};

export interface StoredContents {
  readonly path: string;
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly StoredTensor[];
  readonly problems: readonly Problem[];
}

/** A checkpoint whose tensors lie contiguous in their files, in the order and type they are read in. */
export class StoredCheckpoint implements Checkpoint {
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
    const stored = this.stored.get(tensor.name);
    if (!stored)
      throw new CheckpointError('malformed', 'is not in the checkpoint', { file: this.path, tensor: tensor.name });
    const { offset, length } = bandBytes(stored, rows);
    return this.fileSet.use(stored.file, (reader) => reader.read(stored.offset + offset, length, signal));
  }

  async close(): Promise<void> {
    await this.fileSet.close();
  }
}
