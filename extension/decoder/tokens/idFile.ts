/**
 * Files of token ids:
 *
 * - `.npy`: integers of any width and shape, in C order;
 * - `.bin`: bare little-endian numbers, as nanoGPT writes them, or behind llm.c's header of 1024 bytes.
 *
 * Bare numbers do not say how wide they are. They are taken for 32 bits if the model's vocabulary does not fit into 16, or if
 * every second number of 16 bits at the file's beginning is 0; else for 16, nanoGPT's own width. llm.c's header says it.
 *
 * @see https://github.com/karpathy/nanoGPT/blob/master/data/openwebtext/prepare.py
 * @see https://github.com/karpathy/llm.c/blob/master/dev/data/data_common.py
 */
import { CheckpointError } from '../../checkpoint/checkpointError';
import { elementSize } from '../../checkpoint/elements/dtype';
import { FileReader, type FileIdentity } from '../../checkpoint/files/fileReader';
import { readNumpyHeader } from '../../checkpoint/numpy/numpyHeader';
import type { DType } from '../../shared/tensors';

/** Ids in a file, each of the same width. */
export interface IdFile {
  readonly file: string;
  readonly identity: FileIdentity;
  /** How the ids are stored, for people: "uint16". */
  readonly stored: string;
  readonly count: number;
  readonly dtype: IdType;
  readonly bigEndian: boolean;
  /** Byte of the first id. */
  readonly start: number;
}

type IdType = 'U8' | 'I8' | 'U16' | 'I16' | 'U32' | 'I32' | 'U64' | 'I64';

const NAMES: Readonly<Record<IdType, string>> = {
  ...{ U8: 'uint8', I8: 'int8', U16: 'uint16', I16: 'int16', U32: 'uint32', I32: 'int32', U64: 'uint64', I64: 'int64' },
};

/** llm.c's headers: of GPT-2's ids of 16 bits, and of Llama 3's of 32. */
const LLMC: ReadonlyMap<number, IdType> = new Map([
  [20240520, 'U16'],
  [20240801, 'U32'],
]);
const LLMC_HEADER_BYTES = 1024;

/** Numbers that are looked at to see whether every second one is 0. */
const LOOKED_AT = 4096;

/** Ids beyond 16 bits need a vocabulary of more. */
const FITS_16_BITS = 2 ** 16;

/** @throws CheckpointError `malformed`, `unsupported`; what the file's reader throws */
export async function openNumpyIds(file: string, signal?: AbortSignal): Promise<IdFile> {
  const reader = await FileReader.open(file);
  try {
    const header = await readNumpyHeader((start, end) => reader.read(start, end - start, signal), reader.size).catch(
      (error: unknown) => {
        throw error instanceof CheckpointError
          ? new CheckpointError(error.code, error.reason, { ...error.where, file })
          : error;
      },
    );
    const { dtype, shape, byteOffset: start, bigEndian } = header.view;
    if (!isIdType(dtype))
      throw new CheckpointError('unsupported', `has ${dtype}; token ids are integers`, { file, remedy: SAVE });
    if (header.fortran && shape.filter((size) => size > 1).length > 1) {
      throw new CheckpointError('unsupported', 'is in Fortran order', {
        file,
        remedy: 'save numpy.ascontiguousarray(ids)',
      });
    }
    const count = shape.reduce((all, size) => all * size, 1);
    const end = start + count * elementSize(dtype);
    if (end > reader.size) {
      throw new CheckpointError('truncated', `ends at byte ${reader.size}, but its ids go up to byte ${end}`, { file });
    }
    return { file, identity: reader.identity, stored: NAMES[dtype], count, dtype, bigEndian, start };
  } finally {
    await reader.close();
  }
}

const SAVE = 'save the ids as integers';

function isIdType(dtype: DType): dtype is IdType {
  return Object.hasOwn(NAMES, dtype);
}

/**
 * @param vocabulary ids of the model
 * @throws CheckpointError `malformed` where the bytes are no whole number of ids; `truncated`
 */
export async function openBareIds(file: string, vocabulary: number, signal?: AbortSignal): Promise<IdFile> {
  const reader = await FileReader.open(file);
  try {
    const head = Buffer.from(await reader.read(0, Math.min(reader.size, 2 * LOOKED_AT), signal));
    const headed = head.length >= LLMC_HEADER_BYTES ? LLMC.get(head.readInt32LE(0)) : undefined;
    const dtype = headed ?? (vocabulary > FITS_16_BITS || skipsEverySecond(head) ? 'U32' : 'U16');
    const start = headed ? LLMC_HEADER_BYTES : 0;
    const width = elementSize(dtype);
    const room = (reader.size - start) / width;
    const count = headed ? head.readInt32LE(8) : room;
    if (!Number.isInteger(count)) {
      const reason = `has ${reader.size} bytes, no whole number of ids of ${width} bytes (${NAMES[dtype]})`;
      throw new CheckpointError('malformed', reason, {
        file,
        remedy: 'save the ids as .npy, which says what they are',
      });
    }
    if (count < 0 || count > room) {
      throw new CheckpointError('truncated', `says that it has ${count} ids, but ends after ${Math.floor(room)}`, {
        file,
      });
    }
    return { file, identity: reader.identity, stored: NAMES[dtype], count, dtype, bigEndian: false, start };
  } finally {
    await reader.close();
  }
}

/** True for numbers of 32 bits that fit into 16: no text has every second token the same. */
function skipsEverySecond(head: Buffer): boolean {
  if (head.length < 8 || head.length % 4 !== 0) return false;
  for (let at = 2; at < head.length; at += 4) if (head.readUInt16LE(at) !== 0) return false;
  return true;
}

/** Ids [start, end). @throws CheckpointError `changed`, `io`; `malformed` for negative ones and those beyond 31 bits */
export async function readIds(ids: IdFile, start: number, end: number, signal?: AbortSignal): Promise<Int32Array> {
  const { file, dtype, bigEndian } = ids;
  const width = elementSize(dtype);
  const reader = await FileReader.open(file, ids.identity);
  try {
    const bytes = await reader.read(ids.start + start * width, (end - start) * width, signal);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Int32Array.from({ length: end - start }, (_, i) => {
      const id = readers[dtype](view, i * width, !bigEndian);
      return checkedId(id, start + i, file);
    });
  } finally {
    await reader.close();
  }
}

/** @throws CheckpointError `malformed` where it is none */
export function checkedId(id: unknown, index: number, file: string): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < 2 ** 31) return id;
  const reason = `token ${index + 1} is ${String(id)}, and token ids are whole numbers from 0 on`;
  throw new CheckpointError('malformed', reason, { file, remedy: SAVE });
}

const readers: Readonly<Record<IdType, (view: DataView, at: number, little: boolean) => number>> = {
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  U16: (view, at, little) => view.getUint16(at, little),
  I16: (view, at, little) => view.getInt16(at, little),
  U32: (view, at, little) => view.getUint32(at, little),
  I32: (view, at, little) => view.getInt32(at, little),
  U64: (view, at, little) => Number(view.getBigUint64(at, little)),
  I64: (view, at, little) => Number(view.getBigInt64(at, little)),
};
