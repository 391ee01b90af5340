/**
 * Elements of a GGUF tensor: read, turned round where the file is big-endian, decoded where they are quantised. Decoding
 * makes about a GB of float32 a second, far more than spectra consume, so it stays on the thread that reads: each slice
 * takes it for some milliseconds, and the read of the next one lets others in.
 */
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { allocate, type FileReader } from '../files/fileReader';
import type { GgufTensor } from './ggufTensor';
import { swapBlocks, type BlockType } from './ggufTypes';

/** Decoded at a time. */
const SLICE_ELEMENTS = 1024 * 1024;

/**
 * Bytes [offset, offset + length) of the elements as they are after decoding. Rows of the true shape of a tensor that was
 * stored in another (`ggufShapes.ts`) need not be whole blocks: those around them are decoded.
 *
 * @throws CheckpointError `unsupported` where the type cannot be read; what the reader throws
 */
export async function readElements(
  reader: FileReader,
  tensor: GgufTensor,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { type, name, file } = tensor;
  if ('unreadable' in type) throw new CheckpointError('unsupported', type.unreadable, { file, tensor: name });
  if ('decode' in type) {
    const block = type.elements * elementSize('F32');
    const start = Math.floor(offset / block) * block;
    const end = Math.ceil((offset + length) / block) * block;
    const blocks = await decoded(reader, tensor, type, start, end - start, signal);
    return blocks.length === length ? blocks : blocks.slice(offset - start, offset - start + length);
  }
  const bytes = await reader.read(tensor.offset + offset, length, signal);
  if (tensor.bigEndian) swapElements(bytes, elementSize(type.dtype));
  return bytes;
}

async function decoded(
  reader: FileReader,
  tensor: GgufTensor,
  type: BlockType,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const result = allocate(length, tensor.file, tensor.offset);
  const elements = new Float32Array(result.buffer);
  const blocks = elements.length / type.elements;
  const first = tensor.offset + (offset / 4 / type.elements) * type.bytes;
  const step = SLICE_ELEMENTS / type.elements;
  const slice = new Uint8Array(Math.min(step, blocks) * type.bytes);
  for (let block = 0; block < blocks; block += step) {
    const count = Math.min(step, blocks - block);
    const bytes = slice.subarray(0, count * type.bytes);
    await reader.readInto(bytes, first + block * type.bytes, signal);
    if (tensor.bigEndian) swapBlocks(bytes, type);
    type.decode(bytes, 0, count, elements, block * type.elements);
  }
  return result;
}

function swapElements(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else if (size === 8) buffer.swap64();
}
