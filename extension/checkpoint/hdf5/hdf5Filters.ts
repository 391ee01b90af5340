/** Filter pipelines: what was done to a chunk's bytes when it was written, undone in the opposite order. */
import { inflate } from 'node:zlib';
import { promisify } from 'node:util';
import { CheckpointError } from '../checkpointError';
import { fletcher32 } from './hdf5Checksum';
import type { Hdf5Cursor } from './hdf5Cursor';
import { decompressLzf } from './lzf';

const DEFLATE = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;
const LZF = 32000;
const READ: readonly number[] = [DEFLATE, SHUFFLE, FLETCHER32, LZF];

/** @see https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md */
const NAMES: Readonly<Record<number, string>> = {
  4: 'szip',
  5: 'nbit',
  6: 'scale-offset',
  305: 'LZO',
  307: 'bzip2',
  32001: 'Blosc',
  32004: 'LZ4',
  32008: 'bitshuffle',
  32013: 'ZFP',
  32015: 'Zstandard',
  32017: 'SZ',
  32026: 'Blosc2',
};

/** HDF5's own limit. */
const MAX_FILTERS = 32;

const CHECKSUM_BYTES = 4;

const inflated = promisify(inflate);

export interface Filter {
  readonly id: number;
  readonly parameters: readonly number[];
}

/** In the order in which they were applied. @throws CheckpointError `malformed`, `unsupported` */
export function readFilters(cursor: Hdf5Cursor): Filter[] {
  const version = cursor.uint8();
  if (version !== 1 && version !== 2) throw cursor.error('unsupported', `has a filter pipeline of version ${version}`);
  const count = cursor.uint8();
  if (count > MAX_FILTERS) throw cursor.error('malformed', `has ${count} filters; at most ${MAX_FILTERS} are possible`);
  if (version === 1) cursor.skip(6);
  return Array.from({ length: count }, () => {
    const id = cursor.uint16();
    // Those that every HDF5 has need no name in version 2.
    const nameBytes = version === 1 || id >= 256 ? cursor.uint16() : 0;
    // Flags: the filter may be left out.
    cursor.skip(2);
    const parameters = cursor.uint16();
    cursor.skip(nameBytes);
    const values = Array.from({ length: parameters }, () => cursor.uint32());
    if (version === 1 && parameters % 2 === 1) cursor.skip(4);
    return { id, parameters: values };
  });
}

/** Why elements cannot be had through these filters, in words; undefined where they can. */
export function unknownFilter(filters: readonly Filter[]): string | undefined {
  const unknown = filters.find(({ id }) => !READ.includes(id));
  if (!unknown) return undefined;
  const name = NAMES[unknown.id] ?? `filter ${unknown.id}`;
  return `its chunks are stored through ${name}; deflate, LZF, shuffle and Fletcher-32 are read`;
}

/**
 * The `length` bytes that a stored chunk holds.
 *
 * @param mask a bit for each filter that was left out for this chunk
 * @throws CheckpointError `corrupt` where they are not such as the filters leave, or a checksum differs
 */
export async function unfilter(
  stored: Uint8Array,
  filters: readonly Filter[],
  mask: number,
  length: number,
): Promise<Uint8Array> {
  let bytes = stored;
  for (let i = filters.length - 1; i >= 0; i--) {
    if ((mask >>> i) & 1) continue;
    const { id, parameters } = filters[i]!;
    // Checksums that lie within the compressed data.
    const room = length + CHECKSUM_BYTES * filters.slice(0, i).filter((filter) => filter.id === FLETCHER32).length;
    if (id === DEFLATE) bytes = await inflateAtMost(bytes, room);
    else if (id === LZF) bytes = lzfAtMost(bytes, room);
    else if (id === FLETCHER32) bytes = checked(bytes);
    else bytes = unshuffle(bytes, parameters[0] ?? 1);
  }
  if (bytes.length !== length) throw corrupt(`a chunk holds ${bytes.length} bytes where its shape needs ${length}`);
  return bytes;
}

async function inflateAtMost(bytes: Uint8Array, length: number): Promise<Uint8Array> {
  try {
    // In one piece; one byte more is enough to notice that it is longer.
    return await inflated(bytes, { maxOutputLength: length + 1, chunkSize: Math.max(64, length + 1) });
  } catch (cause) {
    throw corrupt('a chunk cannot be decompressed', cause);
  }
}

function lzfAtMost(bytes: Uint8Array, length: number): Uint8Array {
  const result = decompressLzf(bytes, length + 1);
  if (!result) throw corrupt('a chunk cannot be decompressed');
  return result;
}

function checked(bytes: Uint8Array): Uint8Array {
  const data = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES));
  if (bytes.length < CHECKSUM_BYTES) throw corrupt('a chunk is shorter than its checksum');
  const stored = Buffer.from(bytes.buffer, bytes.byteOffset + data.length, CHECKSUM_BYTES).readUInt32LE();
  const sum = fletcher32(data);
  // Old versions of HDF5 exchanged the bytes of each half.
  const exchanged = (((sum & 0x00ff00ff) << 8) | ((sum >>> 8) & 0x00ff00ff)) >>> 0;
  if (stored !== sum && stored !== exchanged) throw corrupt('a chunk does not match its checksum (Fletcher-32)');
  return data;
}

/** First bytes of all elements, then second ones, …; a rest smaller than an element follows as it was. */
function unshuffle(bytes: Uint8Array, size: number): Uint8Array {
  const count = Math.floor(bytes.length / size);
  // As HDF5 has it; the file may declare elements of 4 GB.
  if (size <= 1 || count <= 1) return bytes;
  const result = new Uint8Array(bytes.length);
  for (let byte = 0, from = 0; byte < size; byte++) {
    for (let i = 0, to = byte; i < count; i++, to += size) result[to] = bytes[from++]!;
  }
  result.set(bytes.subarray(count * size), count * size);
  return result;
}

function corrupt(reason: string, cause?: unknown): CheckpointError {
  return new CheckpointError('corrupt', reason, cause === undefined ? {} : { cause });
}
