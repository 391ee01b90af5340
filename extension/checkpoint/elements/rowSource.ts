/**
 * Checkpoints whose tensors each know how to read their own rows: strided views on stored bytes, chunks that
 * are inflated, pieces that are joined.
 */
import type { Problem } from '../../shared/tensors';
import { type Checkpoint, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import type { FileBytes } from '../files/fileBytes';
import { bandBytes, type RowRange } from './rowBand';
import { readView, type TensorView } from './tensorView';

export interface RowSource {
  /** Contiguous little-endian elements of rows [start, end), which are within the tensor. */
  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Bytes [start, end) of what tensors are stored in. */
export type ReadRange = (start: number, end: number, signal?: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;

export class ViewSource implements RowSource {
  constructor(
    private readonly view: TensorView,
    private readonly read: ReadRange,
  ) {}

  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    return readView(this.view, rows, (start, end) => this.read(start, end, signal));
  }
}

export interface SourcedTensor {
  readonly info: TensorInfo;
  /** Undefined where `info.unreadable` says why. */
  readonly source?: RowSource;
}

export interface SourcedContents {
  readonly format: string;
  /** All that belong to it, where that is more than the one. */
  readonly files?: readonly string[];
  /** How many of them hold elements; all where absent. */
  readonly weightFiles?: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly SourcedTensor[];
  readonly problems: readonly Problem[];
  /** Lets go of what the sources hold beside the file. */
  close?(): void | Promise<void>;
}

export class SourcedCheckpoint implements Checkpoint {
  readonly path: string;
  readonly format: string;
  readonly files: readonly string[];
  readonly weightFiles: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorInfo[];
  readonly problems: readonly Problem[];
  private readonly byName: ReadonlyMap<string, SourcedTensor>;
  /** Elements that a source holds in memory would outlive the file. */
  private closed = false;

  constructor(
    private readonly file: FileBytes,
    private readonly contents: SourcedContents,
  ) {
    this.path = file.path;
    this.files = contents.files ?? [file.path];
    this.weightFiles = contents.weightFiles ?? this.files.length;
    this.format = contents.format;
    this.metadata = contents.metadata;
    this.tensors = contents.tensors.map(({ info }) => info);
    this.problems = contents.problems;
    this.byName = new Map(contents.tensors.map((tensor) => [tensor.info.name, tensor]));
  }

  async read(tensor: TensorInfo, rows?: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const place = { file: this.path, tensor: tensor.name };
    if (this.closed) throw new CheckpointError('io', 'was closed', { file: this.path, remedy: 'open it again' });
    const found = this.byName.get(tensor.name);
    if (!found) throw new CheckpointError('malformed', 'is not in the checkpoint', place);
    const { info, source } = found;
    if (!source) throw new CheckpointError('unsupported', info.unreadable ?? 'cannot be read', place);
    bandBytes(info, rows);
    try {
      const bytes = await source.readRows(rows ?? { start: 0, end: info.shape[0] ?? 1 }, signal);
      await this.file.assertUnchanged();
      return bytes;
    } catch (error) {
      if (!(error instanceof CheckpointError) || error.code === 'changed') throw error;
      // Data of another file that took this one's place fails in other ways first: say what really happened.
      await this.file.assertUnchanged();
      throw error.ofTensor(tensor.name);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.contents.close?.();
    await this.file.close();
  }
}
