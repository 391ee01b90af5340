/** The superblock: where an HDF5 file begins, how wide its fields are, and which group is its root. Versions 0 to 3. */
import { assertChecksum } from './hdf5Checksum';
import type { ReadableBytes } from '../files/fileBytes';
import { Hdf5Bytes } from './hdf5Bytes';
import type { Hdf5Cursor } from './hdf5Cursor';

const SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');

/** Another program's bytes in front (MATLAB's have 512) are as long as a power of two; larger ones are not looked for. */
const FIRST_USER_BLOCK = 512;
const MAX_USER_BLOCK = 64 * 1024 * 1024;

/** Bytes of the longest superblock, version 1 with fields of 8 bytes. */
const MAX_BYTES = 100;

const WIDTHS: readonly number[] = [2, 4, 8];

export interface Superblock {
  readonly version: number;
  readonly bytes: Hdf5Bytes;
  /** Address of the root group's object header. */
  readonly root: number | undefined;
  /** Bytes that the file should have. */
  readonly end: number | undefined;
}

/** True if a file that begins with these bytes is HDF5. */
export function looksLikeHdf5(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  for (let at = 0; at + SIGNATURE.length <= bytes.length; at = nextPlace(at)) {
    if (isSignature(bytes.subarray(at, at + SIGNATURE.length))) return true;
  }
  return false;
}

/** @throws CheckpointError `unknown-format`, `truncated`, `malformed`, `unsupported`, `corrupt`, `io` */
export async function readSuperblock(source: ReadableBytes, signal?: AbortSignal): Promise<Superblock> {
  const bytes = Hdf5Bytes.of(source, signal);
  for (let at = 0; at + SIGNATURE.length <= source.size && at <= MAX_USER_BLOCK; at = nextPlace(at)) {
    const cursor = await bytes.beginning(at, MAX_BYTES, 'superblock');
    if (!isSignature(cursor.bytes.subarray(0, SIGNATURE.length))) continue;
    cursor.skip(SIGNATURE.length);
    return superblockOf(cursor, bytes, at);
  }
  throw bytes.error('unknown-format', 'has no superblock, so it is not an HDF5 file', 0);
}

async function superblockOf(cursor: Hdf5Cursor, bytes: Hdf5Bytes, at: number): Promise<Superblock> {
  const version = cursor.uint8();
  if (version > 3) throw cursor.error('unsupported', `has a superblock of version ${version}; 0 to 3 are read`);
  // Versions of the free space, the root group and of shared messages.
  if (version < 2) cursor.skip(4);
  const [offsetSize, lengthSize] = [cursor.uint8(), cursor.uint8()];
  if (!WIDTHS.includes(offsetSize) || !WIDTHS.includes(lengthSize)) {
    const reason = `has addresses of ${offsetSize} bytes and lengths of ${lengthSize}; 2, 4 and 8 are read`;
    throw cursor.error('unsupported', reason);
  }
  const file = bytes.with({ offsetSize, lengthSize, base: at });
  const fields = await file.beginning(0, MAX_BYTES, 'superblock');
  fields.at = cursor.at;
  // Reserved, ranks of B-trees, flags.
  fields.skip(version === 0 ? 9 : version === 1 ? 13 : 1);
  const base = fields.address();
  fields.address();
  const end = fields.address();
  const root = rootOf(fields, version);
  // If bytes were put in front later, addresses still count from the superblock.
  return { version, bytes: file, root, end: end === undefined ? undefined : end - (base ?? at) + at };
}

function rootOf(fields: Hdf5Cursor, version: number): number | undefined {
  if (version >= 2) {
    const root = fields.address();
    assertChecksum(fields, 'superblock');
    return root;
  }
  // Addresses of the driver and of the root's name.
  fields.address();
  fields.address();
  return fields.address();
}

function isSignature(bytes: Buffer): boolean {
  return bytes.equals(SIGNATURE);
}

function nextPlace(at: number): number {
  return at === 0 ? FIRST_USER_BLOCK : 2 * at;
}
