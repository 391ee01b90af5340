/** An HDF5 file with a number changed: what unit tests and the hostile corpus do to it, at places of their own. */
import { placesOf, signed, type CheckedBlock } from './hdf5Signatures';

export const WIDTHS = [1, 2, 4, 8];

/** What lengths, offsets and counts are made. */
export const VALUES: readonly { readonly name: string; readonly of: (width: number, at: number) => bigint }[] = [
  { name: 'nothing', of: () => 0n },
  { name: 'one', of: () => 1n },
  { name: 'all bits', of: (width) => 2n ** BigInt(8 * width) - 1n },
  { name: 'the largest positive', of: (width) => 2n ** BigInt(8 * width - 1) - 1n },
  { name: 'their own place', of: (width, at) => BigInt(at) & (2n ** BigInt(8 * width) - 1n) },
];

/** @param blocks of the sound file, signed anew where the number is in them */
export function withNumber(
  sound: Buffer,
  blocks: readonly CheckedBlock[],
  { at, width, value }: { at: number; width: number; value: bigint },
): Buffer {
  const damaged = Buffer.from(sound);
  for (let byte = 0; byte < width; byte++) damaged[at + byte] = Number((value >> BigInt(8 * byte)) & 0xffn);
  return signed(damaged, blocks, at);
}

/** B-trees of version 1: of groups, and of chunks along two axes; the first child stands behind the first key. */
export const TREES = [
  { type: 0, keyBytes: 8 },
  { type: 1, keyBytes: 32 },
] as const;

const NODE_HEAD_BYTES = 24;

/** Places of the nodes above the leaves. */
export function innerNodes(file: Buffer, type: number): number[] {
  return placesOf(file, 'TREE').filter((at) => file[at + 4] === type && file[at + 5]! > 0);
}

/** Makes each of these nodes its own first child. */
export function withLoops(sound: Buffer, nodes: readonly number[], keyBytes: number): Buffer {
  const looped = Buffer.from(sound);
  for (const at of nodes) looped.writeBigUInt64LE(BigInt(at), at + NODE_HEAD_BYTES + keyBytes);
  return looped;
}
