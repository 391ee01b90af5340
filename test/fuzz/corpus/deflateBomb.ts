/** A deflated record that a few kilobytes blow up to any size, made without ever holding it. */
import { constants, deflateRawSync } from 'node:zlib';
import type { ZipRecord } from '../../harness/checkpoints/zipWriter';

const PIECE_BYTES = 2 ** 20;

/** @param head what the record begins with; zeros follow */
export function bombRecord(name: string, head: Buffer, megabytes: number): ZipRecord {
  const flushed = { finishFlush: constants.Z_FULL_FLUSH };
  const piece = deflateRawSync(Buffer.alloc(PIECE_BYTES), flushed);
  const packed = [
    deflateRawSync(head, flushed),
    ...new Array<Buffer>(megabytes).fill(piece),
    deflateRawSync(Buffer.alloc(0)),
  ];
  return { name, bytes: Buffer.concat(packed), method: 8, size: head.length + megabytes * PIECE_BYTES };
}
