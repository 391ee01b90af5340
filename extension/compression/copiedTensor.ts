/** Tensors of a checkpoint that a saved file holds byte for byte, or with some bytes overwritten; copied in bands. */
import type { Checkpoint, StoredPart, TensorInfo } from '../checkpoint/checkpoint';
import type { Append } from './appender';
import { CompressionError } from './compressionError';
import type { HeaderEntry } from './safetensorsLayout';

/** Memory a copy holds at a time, and once more for the band that is read ahead; larger bands are no faster. */
const BAND_BYTES = 8 * 1024 * 1024;

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
  const read = async (start: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const band = await part.read(start, end, signal);
    if (band.length !== end - start) {
      const message = `${name}: ${band.length} bytes were read from ${start} to ${end}`;
      throw new CompressionError('verification', message);
    }
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
  if (tensor.byteLength === 0) return;
  const rows = tensor.shape[0] ?? 1;
  const rowBytes = tensor.byteLength / rows;
  const bandRows = Math.max(1, Math.floor(BAND_BYTES / rowBytes));
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const band = await checkpoint.read(tensor, { start, end }, signal);
    if (band.length !== (end - start) * rowBytes) {
      throw new CompressionError(
        'verification',
        `${tensor.name}: ${band.length} bytes were read for rows ${start} to ${end}, not ${(end - start) * rowBytes}`,
      );
    }
    for (const patch of patches) overlay(band, start * rowBytes, patch);
    return band;
  };
  await copyBands(rows, bandRows, read, append, signal);
}

/** Reads one band ahead of the one that is written, so that a disk that reads and one that writes both stay busy. */
async function copyBands(
  length: number,
  step: number,
  read: (start: number, end: number, signal: AbortSignal | undefined) => Promise<Uint8Array>,
  append: Append,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bandAt = (start: number): Promise<Uint8Array> => read(start, Math.min(length, start + step), signal);
  let next = length > 0 ? bandAt(0) : undefined;
  try {
    for (let start = 0; next; start += step) {
      const band: Uint8Array = await next;
      next = start + step < length ? bandAt(start + step) : undefined;
      // A failure to read is told when its band's turn comes; a failure to write comes first.
      next?.catch(() => undefined);
      await append(band);
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
