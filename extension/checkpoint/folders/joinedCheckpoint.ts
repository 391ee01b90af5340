/** Several checkpoints seen as one: shards of a model, parts of a pipeline. */
import type { Checkpoint, StoredBytes, StoredPart, TensorInfo } from '../checkpoint';
import type { RowRange } from '../elements/rowBand';
import type { RowSource } from '../elements/rowSource';
import { SourcedCheckpoint, type SourcedContents, type SourcedTensor } from '../elements/sourcedCheckpoint';

/** A tensor as the whole lists it, and where it is from. Tensor and source in one object: there can be 100 000. */
export class JoinedTensor implements SourcedTensor, RowSource {
  /**
   * @param holder the checkpoint that it is in
   * @param origin the tensor as `holder` lists it
   */
  constructor(
    readonly info: TensorInfo,
    readonly holder: Checkpoint,
    private readonly origin = info,
  ) {}

  get source(): RowSource {
    return this;
  }

  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array> {
    return this.holder.read(this.origin, rows, signal);
  }

  storedParts(): readonly StoredPart[] | undefined {
    return this.holder.storedParts?.(this.origin);
  }

  storedBytes(): StoredBytes | undefined {
    return this.holder.storedBytes?.(this.origin);
  }
}

export interface JoinedContents extends SourcedContents {
  readonly path: string;
  readonly tensors: readonly JoinedTensor[];
}

/**
 * The checkpoint of these tensors, whose holders notice changed files.
 *
 * @param parts all that were opened: closing the whole closes them, each even if another fails to
 */
export function joinedCheckpoint(contents: JoinedContents, parts: readonly Checkpoint[]): Checkpoint {
  const close = async (): Promise<void> => {
    const closed = await Promise.allSettled(parts.map((part) => part.close()));
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  };
  return new SourcedCheckpoint({ path: contents.path, assertUnchanged: () => Promise.resolve(), close }, contents);
}
