/** Tensors of a checkpoint that a saved file holds byte for byte, or with some bytes overwritten; copied in bands. */
import type { Checkpoint, StoredBytes, StoredPart, TensorInfo } from '../checkpoint/checkpoint';
import type { Append } from './appender';
import { CompressionError } from './compressionError';
import type { HeaderEntry } from './safetensorsLayout';

/** At most three of them are held: larger bands are no faster, and smaller ones wait more often. */
const BAND_BYTES = 4 * 1024 * 1024;

/** The old tensor with some of its bytes overwritten, from byte `offset` on: one expert of a stack. */
export interface TensorPatch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface CopiedTensor extends HeaderEntry {
  write(append: Append, signal: AbortSignal | undefined): Promise<void>;
}

/**
 * A tensor as a copy holds it: as it is stored where safetensors has that form, which may be several tensors, else as it is
 * read. What is patched is always one.
 */
export function copiedTensor(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  patches: readonly TensorPatch[] = [],
): CopiedTensor[] {
  const parts = patches.length > 0 ? undefined : checkpoint.storedParts?.(tensor);
  if (parts) return parts.map(copiedPart);
  const { name, dtype, shape } = tensor;
  return [{ name, dtype, shape, write: (append, signal) => copyTensor(checkpoint, tensor, patches, append, signal) }];
}

function copiedPart(part: StoredPart): CopiedTensor {
  const { name, dtype, shape, byteLength } = part;
  const read: ReadBand = async (start, end, signal) => {
    const band = await part.read(start, end, signal);
    assertLength(name, band, start, end);
    return band;
  };
  return { name, dtype, shape, write: (append, signal) => copyBands(byteLength, BAND_BYTES, read, append, signal) };
}

async function copyTensor(
  checkpoint: Checkpoint,
  tensor: TensorInfo,
  patches: readonly TensorPatch[],
  append: Append,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { name, byteLength, shape } = tensor;
  if (byteLength === 0) return;
  const stored = patches.length > 0 ? undefined : checkpoint.storedBytes?.(tensor);
  if (stored) return copyStored(stored, byteLength, append);
  // Bands of whole rows: rows are read.
  const rowBytes = byteLength / (shape[0] ?? 1);
  const step = rowBytes * Math.max(1, Math.floor(BAND_BYTES / rowBytes));
  const read: ReadBand = async (start, end) => {
    const band = await checkpoint.read(tensor, { start: start / rowBytes, end: end / rowBytes }, signal);
    assertLength(name, band, start, end);
    for (const patch of patches) overlay(band, start, patch);
    return band;
  };
  await copyBands(byteLength, step, read, append, signal);
}

/** The appender looks between two bands whether the save was cancelled. */
async function copyStored(stored: StoredBytes, byteLength: number, append: Append): Promise<void> {
  for (let start = 0; start < byteLength; start += BAND_BYTES) {
    const end = Math.min(byteLength, start + BAND_BYTES);
    await append({
      length: end - start,
      copyTo: (target, position) => stored.copyTo(target, position, start, end),
    });
  }
}

/** @throws CompressionError `verification` */
function assertLength(name: string, band: Uint8Array, start: number, end: number): void {
  if (band.length === end - start) return;
  throw new CompressionError('verification', `${name}: ${band.length} bytes were read from ${start} to ${end}`);
}

type ReadBand = (start: number, end: number, signal: AbortSignal | undefined) => Promise<Uint8Array>;

/** Reads one band ahead of the one that is written, so that a disk that reads and one that writes both stay busy. */
async function copyBands(
  length: number,
  step: number,
  read: ReadBand,
  append: Append,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bandAt = (start: number): Promise<Uint8Array> => read(start, Math.min(length, start + step), signal);
  let next = length > 0 ? bandAt(0) : undefined;
  try {
    for (let start = 0; next; start += step) {
      const bytes: Uint8Array = await next;
      next = start + step < length ? bandAt(start + step) : undefined;
      // A failure to read is told when its band's turn comes; a failure to write comes first.
      next?.catch(() => undefined);
      await append(bytes);
    }
  } finally {
    // Nothing of a copy goes on after it.
    await next?.catch(() => undefined);
  }
}

/** Overwrites the part of `band` (which starts at byte `bandStart` of the tensor) that the patch covers. */
function overlay(band: Uint8Array, bandStart: number, patch: TensorPatch): void {
  const begin = Math.max(bandStart, patch.offset);
  const end = Math.min(bandStart + band.length, patch.offset + patch.bytes.length);
  if (begin < end) band.set(patch.bytes.subarray(begin - patch.offset, end - patch.offset), begin - bandStart);
}
