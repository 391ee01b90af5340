/** One tensor's entry in a GGUF header, and what is wrong with it. */
import type { DType } from '../../shared/tensors';
import { type TensorInfo } from '../checkpoint';
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import type { GgufCursor } from './ggufCursor';
import { ggmlType, type GgmlType } from './ggufTypes';
import { elementCount, MAX_RANK } from '../elements/shape';
import { l10n } from '../../shared/language/l10n';

/** ggml's own names have at most 64 bytes. */
const MAX_NAME_BYTES = 1024;

/** No type stores more elements in a byte: whatever a shape says, a file has no more. */
const MAX_ELEMENTS_PER_BYTE = 8;

/** A tensor and where its bytes lie. */
export interface GgufTensor extends TensorInfo {
  /** Known once the metadata of all parts are. */
  alias?: string;
  readonly file: string;
  /** Offset of its first byte in the file. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly type: GgmlType;
  readonly bigEndian: boolean;
}

type Writable = { -readonly [Key in keyof GgufTensor]: GgufTensor[Key] };

export interface GgufEntry {
  readonly name: string;
  /** As PyTorch has it: the axis whose elements are neighbours comes last. GGUF lists it first. */
  readonly shape: readonly number[];
  readonly type: GgmlType;
  /** From the beginning of the data. */
  readonly offset: number;
  /** Offset of the entry itself in the file. */
  readonly at: number;
}

export interface Refusal {
  readonly code: CheckpointErrorCode;
  readonly message: string;
}

/** A name's length, a name, a rank, a shape, a type, an offset. */
const MAX_ENTRY_BYTES = 8 + MAX_NAME_BYTES + 4 + 8 * MAX_RANK + 4 + 8;

/** @throws CheckpointError `malformed`, `limit`, after which nothing can be found; what the cursor throws */
export async function readEntries(cursor: GgufCursor, count: number): Promise<GgufEntry[]> {
  const entries: GgufEntry[] = [];
  for (let i = 0; i < count; i++) {
    // No await for each of 100 000.
    if (!cursor.has(MAX_ENTRY_BYTES)) await cursor.need(Math.min(cursor.left, MAX_ENTRY_BYTES));
    entries.push(takeEntry(cursor));
  }
  return entries;
}

function takeEntry(cursor: GgufCursor): GgufEntry {
  const at = cursor.offset;
  const where = { file: cursor.file, offset: at };
  const length = cursor.uint64();
  if (length > MAX_NAME_BYTES) {
    const message = `a tensor's name has ${length} bytes; more than ${MAX_NAME_BYTES} are not read`;
    throw new CheckpointError('limit', message, where);
  }
  const name = cursor.take(length).toString('utf8');
  const rank = cursor.uint32();
  if (rank > MAX_RANK) {
    const message = `has ${rank} axes; more than ${MAX_RANK} are not supported`;
    throw new CheckpointError('malformed', message, { ...where, tensor: name });
  }
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) shape.push(cursor.uint64());
  shape.reverse();
  const type = ggmlType(cursor.uint32());
  return { name, shape, type, offset: cursor.uint64(), at };
}

/**
 * @param dataStart of the data, in the file
 * @param room bytes up to the next tensor: what one of unknown type takes, at most
 */
export function placeTensor(
  { name, shape, type, offset }: GgufEntry,
  { file, fileSize, dataStart, room, bigEndian }: PlaceInFile,
): GgufTensor | Refusal {
  const count = elementCount(shape);
  if (typeof count === 'string') return { code: 'malformed', message: count };
  const at = dataStart + offset;
  const made = (dtype: DType, storedBytes: number): Writable => {
    const byteLength = count * elementSize(dtype);
    // No spread: of 100 000 objects that are copied together, each would be a table of its own.
    return {
      name,
      group: '',
      shape,
      kernelLayout: 'OI…',
      dtype,
      byteLength,
      file,
      offset: at,
      storedBytes,
      type,
      bigEndian,
    };
  };
  if ('unreadable' in type) {
    if (count > MAX_ELEMENTS_PER_BYTE * fileSize) {
      const message = `has the shape [${shape.join(', ')}], more elements than a file of ${fileSize} bytes can hold`;
      return { code: 'malformed', message };
    }
    if (count > 0 && room === 0) return { code: 'truncated', message: `none of its bytes are in the file` };
    const tensor = made('F32', room);
    tensor.encoding = { name: type.name, byteLength: room };
    tensor.unreadable = type.unreadable;
    return tensor;
  }
  const row = shape.at(-1) ?? 1;
  if ('decode' in type && row % type.elements !== 0) {
    const message = `has rows of ${row} elements, but ${type.name} stores blocks of ${type.elements}`;
    return { code: 'malformed', message };
  }
  const storedBytes = 'decode' in type ? (count / type.elements) * type.bytes : count * elementSize(type.dtype);
  if (at + storedBytes > fileSize) {
    const message = l10n.english('its bytes go up to {0}, but the file ends at {1}', at + storedBytes, fileSize);
    return { code: 'truncated', message };
  }
  if (!('decode' in type)) return made(type.dtype, storedBytes);
  const tensor = made('F32', storedBytes);
  tensor.encoding = { name: type.name, byteLength: storedBytes };
  return tensor;
}

export interface PlaceInFile {
  readonly file: string;
  readonly fileSize: number;
  readonly dataStart: number;
  readonly room: number;
  readonly bigEndian: boolean;
}
