/** Checksums of the structures of an HDF5 file, made anew after damage: what is behind them is tested, too. */
import { lookup3 } from '../../../extension/checkpoint/hdf5/hdf5Checksum';

const SIGNATURES = [
  'OHDR',
  'OCHK',
  'FRHP',
  'FHIB',
  'BTHD',
  'BTIN',
  'BTLF',
  'FAHD',
  'FADB',
  'EAHD',
  'EAIB',
  'EASB',
  'EADB',
];

/** Longer structures are rare, and left unsigned. */
const MAX_BYTES = 4096;

export interface CheckedBlock {
  readonly start: number;
  /** End of the checksum. */
  readonly end: number;
}

/** Each structure of a sound file that ends with a checksum: so long as it is right. */
export function checkedBlocks(file: Buffer): CheckedBlock[] {
  const starts = SIGNATURES.flatMap((signature) => placesOf(file, signature));
  // The superblock, which is at the beginning in new files.
  return [0, ...starts].flatMap((start) => {
    for (let end = start + 8; end + 4 <= Math.min(file.length, start + MAX_BYTES); end++) {
      if (lookup3(file.subarray(start, end)) === file.readUInt32LE(end)) return [{ start, end }];
    }
    return [];
  });
}

/** The places of these bytes in a file. */
export function placesOf(file: Buffer, part: Buffer | string): number[] {
  const places: number[] = [];
  for (let at = file.indexOf(part); at >= 0; at = file.indexOf(part, at + 1)) places.push(at);
  return places;
}

/** Signs the blocks that a damaged place is in. */
export function signed(damaged: Buffer, blocks: readonly CheckedBlock[], place: number): Buffer {
  for (const { start, end } of blocks) {
    if (place >= start && place < end) damaged.writeUInt32LE(lookup3(damaged.subarray(start, end)), end);
  }
  return damaged;
}
