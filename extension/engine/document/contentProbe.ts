/**
 * A few bytes of what a layer's numbers are made of, to tell a file from another one of the same size and times: some
 * file systems keep no time of a change, and copies may keep that of writing.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { FileReader } from '../../checkpoint/files/fileReader';

/** Formats in which a row is read without what lies before it and without checking the whole record. */
const SEEKABLE: ReadonlySet<string> = new Set(['safetensors', 'gguf', 'onnx', 'tflite', 'flax']);

/** If a row is longer, the layer's file is sampled instead: rows of a stack are whole matrices. */
const MAX_ROW_BYTES = 1024 * 1024;

/** Places of each file that are sampled, from its first byte to its last … */
const SAMPLES = 16;
const SAMPLE_BYTES = 4096;

/** … and its end, where archives keep the checksums of what they hold (about 100 bytes a tensor). */
const END_BYTES = 256 * 1024;

/**
 * The hash of the layer's first, middle and last row, or of samples of all files.
 *
 * @param rows of the tensor that hold the layer
 * @param files samples of the checkpoint's files, taken where no row will do
 * @throws CheckpointError where a row cannot be read, what `files` throws
 */
export async function contentProbe(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  rows: { start: number; end: number },
  files: () => Promise<Buffer>,
): Promise<Buffer> {
  const hash = createHash('sha256');
  const { product } = tensor;
  const parts = product
    ? [product.left, product.right].map((factor) => ({ checkpoint, tensor: factor.tensor, rows: all(factor.tensor) }))
    : tensor.madeOf
      ? tensor.madeOf.map((part) => ({ checkpoint, tensor: part, rows: all(part) }))
      : [{ checkpoint, tensor, rows }];
  if (product?.base) parts.push({ ...product.base, rows: all(product.base.tensor) });
  for (const part of parts) {
    if (!(await addRows(hash, part))) return files();
  }
  return hash.digest();
}

interface Part {
  checkpoint: Checkpoint;
  tensor: TensorInfo;
  rows: { start: number; end: number };
}

function all({ shape }: TensorInfo): { start: number; end: number } {
  return { start: 0, end: shape[0] ?? 1 };
}

/** True if a row is read without what lies before it. */
export function isSeekable({ format }: Pick<Checkpoint, 'format'>): boolean {
  return SEEKABLE.has(format);
}

/** @returns false where reading single rows would cost too much */
async function addRows(hash: Hash, { checkpoint, tensor, rows: { start, end } }: Part): Promise<boolean> {
  const stored = tensor.slice?.of ?? tensor;
  const rowBytes = stored.byteLength / Math.max(1, stored.shape[0] ?? 1);
  if (!isSeekable(checkpoint) || rowBytes > MAX_ROW_BYTES) return false;
  for (const row of new Set([start, (start + end) >> 1, end - 1])) {
    hash.update(await checkpoint.read(tensor, { start: row, end: row + 1 }));
  }
  return true;
}

/** The hash of samples of the files. @throws CheckpointError as `FileReader` */
export async function sampleFiles(files: readonly string[]): Promise<Buffer> {
  const hash = createHash('sha256');
  for (const file of files) {
    const reader = await FileReader.open(file);
    try {
      const end = Math.max(0, reader.size - END_BYTES);
      const step = Math.max(SAMPLE_BYTES, Math.floor(end / SAMPLES));
      for (let at = 0; at < end; at += step) hash.update(await reader.read(at, Math.min(SAMPLE_BYTES, end - at)));
      hash.update(await reader.read(end, reader.size - end));
    } finally {
      await reader.close();
    }
  }
  return hash.digest();
}
