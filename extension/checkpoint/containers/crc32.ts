/** CRC-32 as zip archives store it (polynomial 0xEDB88320, reflected): zlib's own, or a table where zlib has none. */
import * as zlib from 'node:zlib';

/** `value` is the checksum of the bytes before `bytes`; 0 at the start. */
export type Crc32 = (bytes: Uint8Array, value?: number) => number;

/** One table step a byte: for Node before 20.15, where zlib does not export its own. */
export const tableCrc32: Crc32 = (bytes, value = 0) => {
  const table = crcTable();
  let crc = ~value;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
};

export const crc32: Crc32 = (zlib as { crc32?: Crc32 }).crc32 ?? tableCrc32;

/** The checksum of bytes that are read in pieces, known once all have gone by in order. */
export class RunningCrc {
  private next: number;
  private crc: number;

  /**
   * @param start where a first piece begins, and the checksum of what is before it
   * @param checksum another one than zip's
   */
  constructor(
    private readonly size: number,
    private readonly start = 0,
    private readonly startCrc = 0,
    private readonly checksum: Crc32 = crc32,
  ) {
    this.next = start;
    this.crc = startCrc;
  }

  /** The checksum of all bytes where this piece is the last one of them, undefined before. */
  add(bytes: Uint8Array, start: number): number | undefined {
    if (start === this.start) this.crc = this.startCrc;
    else if (start !== this.next) return undefined;
    this.next = start + bytes.length;
    this.crc = this.checksum(bytes, this.crc);
    return this.next === this.size ? this.crc : undefined;
  }
}

let cachedTable: Int32Array | undefined;

function crcTable(): Int32Array {
  if (cachedTable) return cachedTable;
  const table = new Int32Array(256);
  for (let n = 0; n < 256; n += 1) {
    let c = n;
    for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    table[n] = c;
  }
  cachedTable = table;
  return table;
}
