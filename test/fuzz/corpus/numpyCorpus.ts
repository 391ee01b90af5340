/** NumPy's `.npy` files and `.npz` archives. */
import { zip } from '../../harness/checkpoints/zipWriter';
import { made } from '../source';
import { numpyFiles } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import { bombRecord } from './deflateBomb';
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';
import { zipFields, zipRecords } from './zipFields';

const MAGIC_BYTES = 6;
const ARCHIVE = 'small.npz';

/** A file of version 1 whose header says this. */
function npy(header: string, data = 0): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\0', 'latin1'), length, Buffer.from(header), Buffer.alloc(data)]);
}

function header(shape: string, type = "'<f4'"): string {
  return `{'descr': ${type}, 'fortran_order': False, 'shape': ${shape}, }\n`;
}

/** Version, length of the header, and the numbers in it. */
function npyFields(bytes: Buffer, start = 0): readonly Field[] {
  const layout = new LayoutReader(bytes, start + MAGIC_BYTES);
  const major = layout.number('version', 1);
  layout.number('minor version', 1);
  const length = layout.number('length of the header', major === 1 ? 2 : 4);
  const lengthField = layout.last;
  const at = layout.at;
  const numbers = [...layout.text(length).matchAll(/\d+/g)].map(({ 0: digits, index }): Field => {
    const place = { at: at + index, width: digits.length };
    return { name: 'a number of the header', ...place, encoding: 'decimal', enclosing: [lengthField] };
  });
  return [...layout.fields, ...numbers];
}

export function numpyCorpus(): readonly Corpus[] {
  const files = ['version 1', 'version 2', 'version 3', 'one Fortran array'].map((name): Corpus => {
    const source = numpyFiles().find((each) => each.name === name)!;
    return { source, fields: { [source.open]: (bytes) => npyFields(bytes) } };
  });
  const arrays = [
    { name: 'a.npy', bytes: npy(header('(2, 3)'), 24) },
    { name: 'b.npy', bytes: npy(header('(2,)'), 8), deflate: true },
  ];
  const stored = (bytes: Buffer): readonly Field[] =>
    zipRecords(bytes).flatMap(({ name, start }) => (name === 'a.npy' ? npyFields(bytes, start) : []));
  return [
    { ...files[0]!, special: fileCases(files[0]!.source.open) },
    ...files.slice(1),
    {
      source: made(ARCHIVE, () => zip(arrays)),
      fields: { [ARCHIVE]: (bytes) => [...zipFields(bytes), ...stored(bytes)] },
      special: archiveCases(),
    },
  ];
}

function fileCases(file: string): SpecialCase[] {
  const one = (name: string, text: string, data = 0): SpecialCase => ({ name, file, bytes: () => npy(text, data) });
  const deep = '('.repeat(4000);
  return [
    one('tuples in tuples', header(deep + ')'.repeat(4000))),
    one('tuples in tuples without end', header(deep)),
    one('lists in a type', header('(1,)', '['.repeat(4000)), 4),
    one('10⁹ elements', header('(1000000000,)')),
    one('2⁶⁴ elements', header('(4294967296, 4294967296)')),
    one('1000 axes', header(`(${'1, '.repeat(1000)})`), 4),
    one('a shape of 10⁴⁰⁰', header(`(1${'0'.repeat(400)},)`)),
    one('objects', header('(1,)', "'|O'"), 8),
    one('a shape twice', `{'shape': (1,), ${header('(2,)').slice(1)}`, 8),
    { ...one('10⁹ elements in a file of 64 GB', header('(16000000000,)')), length: 2 ** 36 },
  ].map((found) => (found.name.endsWith('64 GB') ? { ...found, harmless: true as const } : found));
}

function archiveCases(): SpecialCase[] {
  const a = { name: 'a.npy', bytes: npy(header('(2,)'), 8) };
  const many = 2 ** 29;
  return [
    { name: 'one name twice', file: ARCHIVE, bytes: () => zip([a, a]) },
    {
      name: 'names that lead elsewhere',
      file: ARCHIVE,
      bytes: () => zip(['../outside.npy', '/etc/x.npy', '..\\y.npy'].map((name) => ({ ...a, name }))),
      harmless: true,
    },
    {
      name: 'an array that a few kilobytes blow up to 2 GB',
      file: ARCHIVE,
      bytes: () => zip([bombRecord('a.npy', npy(header(`(${many / 2 ** 10}, ${2 ** 10})`)), 2048)]),
      harmless: true,
    },
    {
      name: 'a name of 60 000 characters',
      file: ARCHIVE,
      bytes: () => zip([{ ...a, name: `${'a.'.repeat(30_000)}.npy` }]),
    },
    {
      name: '20 000 records',
      file: ARCHIVE,
      bytes: () => zip(Array.from({ length: 20_000 }, (_, i) => ({ ...a, name: `${i}.npy` }))),
    },
    {
      name: '5000 records',
      file: ARCHIVE,
      bytes: () => zip(Array.from({ length: 5000 }, (_, i) => ({ ...a, name: `${i}.npy` }))),
      harmless: true,
    },
  ];
}
