/**
 * HDF5 files and Keras' archives of them. Structures point at one another all over a file, and many are signed: numbers are
 * changed at places spread over all its bytes, in every width, and the signatures made anew.
 */
import { innerNodes, TREES, VALUES, WIDTHS, withLoops, withNumber } from '../../harness/checkpoints/hdf5Damaged';
import { checkedBlocks } from '../../harness/checkpoints/hdf5Signatures';
import { hdf5File } from '../../harness/checkpoints/hdf5Writer';
import { hdf5Files } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import { zipFields } from './zipFields';

/** About so many of all places, widths and values of a file are tried. */
const CASES = 150;

/** Places at which a file is cut. */
const CUTS = 60;

/** The tests' files that are read whole. */
const SOUND: ReadonlySet<string> = new Set([
  ...['layouts', 'layouts, newest format', 'layouts, format of 1.10', 'attributes', 'attributes, newest format'],
  ...['trees of many levels', 'indexes of many levels', 'Keras, HDF5', 'Keras 3, weights'],
]);

export function hdf5Corpus(): readonly Corpus[] {
  const sound = hdf5Files(false).filter(({ name }) => SOUND.has(name));
  return sound.map((source, i): Corpus => {
    const { open: file } = source;
    return {
      source,
      special: [...cuts(file), ...numbers(file), ...loops(file), ...(i === 0 ? [largeHeaps(file)] : [])],
    };
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
    // Each at a pace of its own: every sixth case, or seventh, still meets all of them.
    const { name, of } = VALUES[i % VALUES.length]!;
    const width = WIDTHS[Math.floor(i / VALUES.length) % WIDTHS.length]!;
    return {
      name: `${width} bytes after ${i} of ${CASES} parts are ${name}`,
      file,
      harmless: true,
      bytes: (sound) => {
        const at = Math.floor((i * (sound.length - width)) / CASES);
        return withNumber(sound, (blocks ??= checkedBlocks(sound)), { at, width, value: of(width, at) });
      },
    };
  });
}

/** In a hole of a gigabyte. */
function largeHeaps(file: string): SpecialCase {
  const group = {
    ...{ heap: Buffer.alloc(8), names: [] },
    ...{ attribute: { text: Buffer.alloc(8, 'x'), count: 12 }, heaps: { count: 12, bytes: 60_000_000 } },
  };
  return {
    ...{ name: 'an attribute of 12 texts in heaps of 60 MB', file, harmless: true },
    bytes: () => hdf5File(group),
    length: 2 ** 30,
  };
}

/** A file without such nodes stays sound. */
function loops(file: string): SpecialCase[] {
  return TREES.map(({ type, keyBytes }): SpecialCase => ({
    name: `B-trees of the type ${type} lead back to themselves`,
    file,
    harmless: true,
    bytes: (sound) => withLoops(sound, innerNodes(sound, type), keyBytes),
  }));
}
