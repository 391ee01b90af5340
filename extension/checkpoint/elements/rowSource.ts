/** Where a tensor's rows come from: strided views on stored bytes, chunks that are inflated, pieces that are joined. */
import type { StoredBytes, StoredPart } from '../checkpoint';
import type { RowRange } from './rowBand';
import { readView, type TensorView } from './tensorView';

export interface RowSource {
  /** Contiguous little-endian elements of rows [start, end), which are within the tensor. */
  readRows(rows: RowRange, signal?: AbortSignal): Promise<Uint8Array>;
  /** As `Checkpoint.storedParts`; none where absent. */
  storedParts?(): readonly StoredPart[] | undefined;
  /** As `Checkpoint.storedBytes`; none where absent. */
  storedBytes?(): StoredBytes | undefined;
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
