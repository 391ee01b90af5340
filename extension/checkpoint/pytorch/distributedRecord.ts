/** The record of one chunk: a tensor that `torch.save` wrote at some place of a file. Opened when its rows are needed. */
import type { DType } from '../../shared/tensors';
import { type Checkpoint } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { sliceOf, type FileBytes } from '../files/fileBytes';
import { openPytorch } from './pytorch';
import type { RowSource } from '../elements/rowSource';

/** Opened records that are kept: the bands of a layer ask for the same ones again. */
const MAX_OPEN = 64;

/** Rows of about so many bytes are read at once where only their checksum matters. */
const PIECE_BYTES = 8 * 1024 * 1024;

export interface ChunkRecord {
  readonly file: FileBytes;
  readonly offset: number;
  readonly length: number;
  /** What the metadata say that it holds. */
  readonly shape: readonly number[];
  readonly dtype: DType;
}

export class RecordCache {
  /** In order of last use, the oldest first. */
  private readonly opened = new Map<ChunkRecord, Promise<Checkpoint>>();
  /** Records that were read through for their checksum. */
  private readonly checked = new WeakSet<ChunkRecord>();

  source(record: ChunkRecord): RowSource {
    return {
      readRows: async (rows, signal) => {
        try {
          const checkpoint = await this.open(record, rows.start > 0);
          return await checkpoint.read(checkpoint.tensors[0]!, rows, signal);
        } catch (error) {
          if (!(error instanceof CheckpointError)) throw error;
          // Places within the record say little: where it begins is told, and not what the tensor is called in it.
          const { file, cause, remedy } = error.where;
          const where = { file: file ?? record.file.path, offset: record.offset, cause };
          throw new CheckpointError(error.code, error.reason, remedy === undefined ? where : { ...where, remedy });
        }
      },
    };
  }

  /** @param inside whether rows are asked for that are not the first */
  private open(record: ChunkRecord, inside: boolean): Promise<Checkpoint> {
    const known = this.opened.get(record);
    this.opened.delete(record);
    // Not with the first caller's signal: others may wait for it.
    const checkpoint = known ?? this.opening(record, inside);
    this.opened.set(record, checkpoint);
    checkpoint.catch(() => this.opened.delete(record));
    const [oldest] = this.opened.keys();
    if (this.opened.size > MAX_OPEN) this.opened.delete(oldest!);
    return checkpoint;
  }

  /**
   * A checksum is compared as rows go by in order, from the first to the last. A record that is opened in the middle of
   * that, as others took its place, is read through: once, however often that happens.
   */
  private async opening(record: ChunkRecord, inside: boolean): Promise<Checkpoint> {
    const checkpoint = await openRecord(record);
    if (inside && !this.checked.has(record)) {
      await readThrough(checkpoint);
      this.checked.add(record);
    }
    return checkpoint;
  }
}

/** Reads every row of the first tensor in order. @throws CheckpointError `corrupt` where they do not match their checksum */
async function readThrough(checkpoint: Checkpoint): Promise<void> {
  const tensor = checkpoint.tensors[0]!;
  const rows = tensor.shape[0] ?? 1;
  const height = Math.max(1, Math.floor((PIECE_BYTES * rows) / Math.max(1, tensor.byteLength)));
  for (let start = 0; start < rows; start += height) {
    await checkpoint.read(tensor, { start, end: Math.min(rows, start + height) });
  }
}

async function openRecord({ file, offset, length, shape, dtype }: ChunkRecord): Promise<Checkpoint> {
  const checkpoint = await openPytorch(sliceOf(file, offset, length));
  const [tensor, ...others] = checkpoint.tensors;
  if (!tensor || others.length > 0) {
    const [problem] = checkpoint.problems;
    const reason = problem ? `: ${problem.message}` : '';
    throw new CheckpointError(
      'malformed',
      `the record of its chunk holds ${checkpoint.tensors.length} tensors${reason}`,
    );
  }
  if (tensor.dtype !== dtype || tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
    const found = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
    const message = `the record of its chunk holds ${found} where the metadata promise ${dtype} [${shape.join(', ')}]`;
    throw new CheckpointError('malformed', message);
  }
  return checkpoint;
}
