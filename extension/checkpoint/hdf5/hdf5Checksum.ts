/** The two checksums of HDF5: of its own structures, and of chunks of elements. */
import type { Hdf5Cursor } from './hdf5Cursor';

/** A pass of Fletcher's sums: so many additions of 16 bits, each with the sum before, stay below 2⁵³. */
const FLETCHER_BATCH = 1 << 16;

/**
 * Bob Jenkins' `hashlittle` of `lookup3.c` (public domain), with which HDF5 checks its structures.
 *
 * @see https://burtleburtle.net/bob/c/lookup3.c
 */
export function lookup3(bytes: Buffer, initial = 0): number {
  let a = (0xdeadbeef + bytes.length + initial) | 0;
  let [b, c] = [a, a];
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    a = (a + bytes.readInt32LE(at)) | 0;
    b = (b + bytes.readInt32LE(at + 4)) | 0;
    c = (c + bytes.readInt32LE(at + 8)) | 0;
    a = ((a - c) | 0) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = ((a - c) | 0) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  if (at === bytes.length) return c >>> 0;
  const word = (from: number): number =>
    [0, 1, 2, 3].reduce((sum, byte) => sum | ((bytes[from + byte] ?? 0) << (8 * byte)), 0);
  a = (a + word(at)) | 0;
  b = (b + word(at + 4)) | 0;
  c = (c + word(at + 8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

/**
 * Reads the checksum that comes next: of all bytes of the structure before it.
 *
 * @throws CheckpointError `corrupt`
 */
export function assertChecksum(cursor: Hdf5Cursor, what: string): void {
  const expected = lookup3(cursor.bytes.subarray(0, cursor.at));
  if (cursor.uint32() !== expected) throw cursor.error('corrupt', `its ${what} does not match its checksum`);
}

/** The Fletcher sum of big-endian 16-bit words as HDF5's filter stores it; an odd last byte is the upper half of a word. */
export function fletcher32(bytes: Uint8Array): number {
  let [first, second] = [0, 0];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 2 * FLETCHER_BATCH);
    for (; at < end; at += 2) {
      first += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
      second += first;
    }
    first = fold(first);
    second = fold(second);
  }
  return ((second << 16) | first) >>> 0;
}

/** Modulo 65535, where a sum that is not 0 never becomes 0. */
function fold(sum: number): number {
  return sum === 0 ? 0 : ((sum - 1) % 65535) + 1;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
