/**
 * The one `Checkpoint` of all formats: a list of tensors, each with a source of its rows. It gives what every checkpoint
 * promises (which errors, what closing ends, that a changed file is noticed), so that a format only lists its tensors and
 * reads rows that are known to be there.
 */
import type { Problem } from '../../shared/tensors';
import type { Checkpoint, StoredBytes, StoredPart, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import type { CheckpointFile } from '../files/fileBytes';
import { bandBytes, type RowRange } from './rowBand';
import type { RowSource } from './rowSource';
import { l10n } from '../../shared/language/l10n';

export interface SourcedTensor {
  readonly info: TensorInfo;
  /** Undefined where `info.unreadable` says why. */
  readonly source?: RowSource;
  /** What `read` throws where there is no source; `unsupported` and `info.unreadable` where absent. */
  readonly failure?: CheckpointError;
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
  readonly unsavable?: string;
  /** Lets go of what the sources hold beside the file. */
  readonly close?: () => void | Promise<void>;
}

export class SourcedCheckpoint implements Checkpoint {
  readonly path: string;
  readonly format: string;
  readonly files: readonly string[];
  readonly weightFiles: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly TensorInfo[];
  readonly problems: readonly Problem[];
  readonly unsavable?: string;
  private readonly byName = new Map<string, SourcedTensor>();
  private readonly letGo: SourcedContents['close'];
  /** Elements that a source holds in memory would outlive the file. */
  private closing: Promise<void> | undefined;

  constructor(
    private readonly file: CheckpointFile,
    contents: SourcedContents,
  ) {
    this.path = file.path;
    this.files = contents.files ?? [file.path];
    this.weightFiles = contents.weightFiles ?? this.files.length;
    this.format = contents.format;
    this.metadata = contents.metadata;
    this.tensors = contents.tensors.map(({ info }) => info);
    this.problems = contents.problems;
    if (contents.unsavable !== undefined) this.unsavable = contents.unsavable;
    this.letGo = contents.close;
    // Some have a million: no list of pairs, and the list of sources is not kept.
    for (const tensor of contents.tensors) this.byName.set(tensor.info.name, tensor);
  }

  async read(tensor: TensorInfo, rows?: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    this.assertOpen();
    const { info, source, failure } = this.find(tensor);
    if (!source) {
      const place = { file: this.path, tensor: info.name };
      throw failure ?? new CheckpointError('unsupported', info.unreadable ?? 'cannot be read', place);
    }
    bandBytes(info, rows);
    return this.unchanged(info, () => source.readRows(rows ?? { start: 0, end: info.shape[0] ?? 1 }, signal));
  }

  storedParts(tensor: TensorInfo): readonly StoredPart[] | undefined {
    return this.find(tensor).source?.storedParts?.();
  }

  storedBytes(tensor: TensorInfo): StoredBytes | undefined {
    const { info, source } = this.find(tensor);
    const stored = source?.storedBytes?.();
    return (
      stored && {
        copyTo: async (target, position, start, end) => {
          this.assertOpen();
          await this.unchanged(info, () => stored.copyTo(target, position, start, end));
        },
      }
    );
  }

  private async unchanged<T>(info: TensorInfo, read: () => Promise<T>): Promise<T> {
    try {
      const result = await read();
      await this.file.assertUnchanged();
      return result;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      this.assertOpen();
      if (error.code === 'changed') throw error;
      // Data of another file that took this one's place fails in other ways first: say what really happened.
      await this.file.assertUnchanged();
      throw error.ofTensor(info.name);
    }
  }

  /** @throws CheckpointError `malformed` where no tensor has its name */
  private find({ name }: TensorInfo): SourcedTensor {
    const found = this.byName.get(name);
    if (!found) throw new CheckpointError('malformed', 'is not in the checkpoint', { file: this.path, tensor: name });
    return found;
  }

  /** @throws CheckpointError `io` once it is closed, or closes */
  private assertOpen(): void {
    if (this.closing)
      throw new CheckpointError('io', l10n.english('was closed'), {
        file: this.path,
        remedy: l10n.english('open it again'),
      });
  }

  close(): Promise<void> {
    return (this.closing ??= this.closeAll());
  }

  private async closeAll(): Promise<void> {
    try {
      await this.letGo?.();
    } finally {
      await this.file.close();
    }
  }
}
