/** The record of one chunk: a tensor that `torch.save` wrote at some place of a file. Opened when its rows are needed. */
import type { DType } from '../protocol';
import { CheckpointError, type Checkpoint } from './checkpoint';
import { sliceOf, type FileBytes } from './fileBytes';
import { openPytorch } from './pytorch';
import type { RowSource } from './rowSource';

/** Opened records that are kept: the bands of a layer ask for the same ones again. */
const MAX_OPEN = 64;

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

  source(record: ChunkRecord): RowSource {
    return {
      readRows: async (rows, signal) => {
        try {
          const checkpoint = await this.open(record);
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

  private open(record: ChunkRecord): Promise<Checkpoint> {
    const known = this.opened.get(record);
    this.opened.delete(record);
    // Not with the signal of whoever asks first: others may wait for it.
    const checkpoint = known ?? openRecord(record);
    this.opened.set(record, checkpoint);
    checkpoint.catch(() => this.opened.delete(record));
    const [oldest] = this.opened.keys();
    if (this.opened.size > MAX_OPEN) this.opened.delete(oldest!);
    return checkpoint;
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
