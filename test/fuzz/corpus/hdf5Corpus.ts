/**
 * HDF5 files and Keras' archives of them. Structures point at one another all over a file, and many are signed: numbers are
 * changed at places spread over all its bytes, in every width, and the signatures made anew.
 */
import { checkedBlocks, placesOf, signed } from '../../harness/hdf5Signatures';
import { hdf5Files } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import { zipFields } from './zipFields';

const WIDTHS = [1, 2, 4, 8];

/** Nothing, one, all bits, the largest that is positive, the place itself. */
const VALUES: readonly { readonly name: string; readonly of: (width: number, at: number) => bigint }[] = [
  { name: '0', of: () => 0n },
  { name: '1', of: () => 1n },
  { name: '−1', of: (width) => 2n ** BigInt(8 * width) - 1n },
  { name: 'the largest', of: (width) => 2n ** BigInt(8 * width - 1) - 1n },
  { name: 'its own place', of: (width, at) => BigInt(at) & (2n ** BigInt(8 * width) - 1n) },
];

/** Of all places, widths and values of a file, about so many are tried. */
const CASES = 150;

/** Places at which a file is cut. */
const CUTS = 60;

/** Types and children of the nodes of B-trees, of groups and of chunks; the first child stands behind the first key. */
const TREES = [
  { type: 0, keyBytes: 8 },
  { type: 1, keyBytes: 32 },
] as const;
const NODE_HEAD_BYTES = 24;

/** Of the files of the tests, those that all of is read. */
const SOUND: ReadonlySet<string> = new Set([
  ...['layouts, newest format', 'layouts, format of 1.10', 'attributes', 'attributes, newest format'],
  ...['trees of many levels', 'indexes of many levels', 'Keras, HDF5', 'Keras 3, weights'],
]);

export function hdf5Corpus(): readonly Corpus[] {
  const sound = hdf5Files(false).filter(({ name }) => SOUND.has(name));
  return sound.map((source): Corpus => {
    const { open: file } = source;
    return { source, special: [...cuts(file), ...numbers(file), ...loops(file)] };
  });
}

export function kerasCorpus(): readonly Corpus[] {
  return hdf5Files(true).map((source): Corpus => ({ source, fields: { [source.open]: zipFields } }));
}

function cuts(file: string): SpecialCase[] {
  return Array.from({ length: CUTS }, (_, i): SpecialCase => ({
    name: `cut after ${i} of ${CUTS} parts`,
    file,
    bytes: (sound) => sound.subarray(0, Math.floor((i * sound.length) / CUTS)),
  }));
}

/** Any of them may hit an element, or what nobody reads. */
function numbers(file: string): SpecialCase[] {
  let blocks: ReturnType<typeof checkedBlocks> | undefined;
  return Array.from({ length: CASES }, (_, i): SpecialCase => {
    const width = WIDTHS[i % WIDTHS.length]!;
    const value = VALUES[Math.floor(i / WIDTHS.length) % VALUES.length]!;
    return {
      name: `${width} bytes after ${i} of ${CASES} parts are ${value.name}`,
      file,
      harmless: true,
      bytes: (sound) => {
        const at = Math.floor((i * (sound.length - width)) / CASES);
        const damaged = Buffer.from(sound);
        for (let byte = 0, left = value.of(width, at); byte < width; byte++, left >>= 8n) {
          damaged[at + byte] = Number(left & 0xffn);
        }
        return signed(damaged, (blocks ??= checkedBlocks(sound)), at);
      },
    };
  });
}

/** Nodes that are their own first child; a file without such nodes stays sound. */
function loops(file: string): SpecialCase[] {
  return TREES.map(({ type, keyBytes }): SpecialCase => ({
    name: `B-trees of the type ${type} lead back to themselves`,
    file,
    harmless: true,
    bytes: (sound) => {
      const looped = Buffer.from(sound);
      for (const at of placesOf(sound, 'TREE').filter((place) => sound[place + 4] === type && sound[place + 5]! > 0)) {
        looped.writeBigUInt64LE(BigInt(at), at + NODE_HEAD_BYTES + keyBytes);
      }
      return looped;
    },
  }));
}
