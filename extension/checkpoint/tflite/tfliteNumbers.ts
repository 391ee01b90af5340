/** Runs of plain numbers in a TensorFlow Lite file: scales, zero points, indices of sparse weights. */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import type { FileReader } from '../files/fileReader';

export interface NumberList {
  readonly dtype: DType;
  /** Offset of the first one in the file. */
  readonly offset: number;
  readonly count: number;
}

/** The stored bytes of numbers [start, end). @throws CheckpointError as `FileReader.read` */
export function readNumbers(
  file: FileReader,
  { dtype, offset }: NumberList,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = elementSize(dtype);
  return file.read(offset + start * size, (end - start) * size, signal);
}
