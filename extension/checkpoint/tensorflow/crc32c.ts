/**
 * CRC-32C (Castagnoli) as TensorFlow and LevelDB store it: polynomial 0x82F63B78, reflected. Node has none, so it goes
 * through eight tables at once, several times as fast as one byte at a time.
 *
 * @see https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
 */
import type { Crc32 } from '../containers/crc32';

const POLYNOMIAL = 0x82f63b78;

/** Bytes taken in one step, each through a table of its own. */
const STEP = 8;

/** LevelDB stores sums of data that hold sums themselves: rotated, and moved by this, they are no sums of sums. */
const MASK_DELTA = 0xa282ead8;

export const crc32c: Crc32 = (bytes, value = 0) => {
  const table = crcTables();
  let crc = ~value;
  let at = 0;
  for (const last = bytes.length - STEP; at <= last; at += STEP) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      table[0x700 | (low & 0xff)]! ^
      table[0x600 | ((low >>> 8) & 0xff)]! ^
      table[0x500 | ((low >>> 16) & 0xff)]! ^
      table[0x400 | (low >>> 24)]! ^
      table[0x300 | bytes[at + 4]!]! ^
      table[0x200 | bytes[at + 5]!]! ^
      table[0x100 | bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
};

/** The sum that was stored masked. */
export function unmaskedCrc(stored: number): number {
  const rotated = (stored - MASK_DELTA) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

let cachedTables: Int32Array | undefined;

/** 256 entries a table; table k says what a byte does to the sum when k further bytes follow it. */
function crcTables(): Int32Array {
  if (cachedTables) return cachedTables;
  const tables = new Int32Array(STEP * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = tables[before & 0xff]! ^ (before >>> 8);
  }
  cachedTables = tables;
  return tables;
}
