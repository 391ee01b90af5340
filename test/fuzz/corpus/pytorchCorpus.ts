/** PyTorch's zip archives, its older stream, and TorchScript. */
import * as p from '../../harness/checkpoints/pickleWriter';
import { torchZip } from '../../harness/checkpoints/torchFiles';
import { torchRecords, zip, type ZipOptions, type ZipRecord } from '../../harness/checkpoints/zipWriter';
import { made, type Source } from '../source';
import { torchFiles } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import { bombRecord } from './deflateBomb';
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';
import { OUTSIDE_PATHS } from './outsidePaths';
import { pickleFields } from './pickleFields';
import { zipFields, zipRecords } from './zipFields';

const SMALL = 'small.pt';
const good = p.tensor({ key: '0', shape: [2, 3] });
const storages = { 0: p.ramp(6) };
const whole = (): Buffer => p.pickle(p.dict(['a', good], ['b', p.tensor({ key: '0', shape: [3] })]));

export function pytorchZipCorpus(): readonly Corpus[] {
  const zip64 = (): Buffer => zip(torchRecords(whole(), storages), { zip64: true });
  return [
    {
      source: made(SMALL, () => torchZip(whole(), storages)),
      fields: { [SMALL]: (bytes) => [...zipFields(bytes), ...pickleFieldsOf(bytes)] },
      special: [
        ...pickleCases().map(([name, pickled]) => inArchive(name, pickled)),
        ...harmlessPickles(),
        ...cheapPickles(),
        ...zipCases(),
      ],
    },
    { source: made('zip64.pt', zip64), fields: { 'zip64.pt': zipFields } },
    ofFixture('zip', 'tied weights (zip)', pickleFieldsOf),
  ];
}

export function torchScriptCorpus(): readonly Corpus[] {
  return [ofFixture('torchscript', 'TorchScript', pickleFieldsOf)];
}

export function pytorchLegacyCorpus(): readonly Corpus[] {
  const file = (root: p.Code): Buffer => p.legacyFile(root, [{ key: '0', count: 6, bytes: storages[0] }]);
  const stream = (name: string, bytes: () => Buffer): SpecialCase => ({ name, file: SMALL, bytes });
  return [
    {
      source: made(SMALL, () => file(p.dict(['a', good]))),
      fields: { [SMALL]: legacyFields },
      special: [
        ...pickleCases().map(([name, object]) => stream(name, () => file(object()))),
        stream('10⁹ storages', () =>
          p.legacyFile(
            p.dict(['a', good]),
            Array.from({ length: 50_000 }, (_, i) => ({ key: String(i), count: 1e9, bytes: Buffer.alloc(0) })),
          ),
        ),
      ],
    },
    ofFixture('legacy', 'tied weights (legacy)', legacyFields),
  ];
}

function ofFixture(kind: 'zip' | 'legacy' | 'torchscript', name: string, find: (bytes: Buffer) => readonly Field[]) {
  const source: Source = torchFiles(kind).find((each) => each.name === name)!;
  return { source, fields: { [source.open]: find } };
}

/** Numbers of the archive's pickles. */
function pickleFieldsOf(bytes: Buffer): readonly Field[] {
  const pickles = zipRecords(bytes).filter(({ name }) => name.endsWith('.pkl'));
  return pickles.flatMap(({ start }) => pickleFields(bytes, start).fields);
}

/** Five pickles, and then a count before each storage; the first is noted. */
function legacyFields(bytes: Buffer): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  for (let pickle = 0; pickle < 5; pickle++) {
    const found = pickleFields(bytes, at);
    fields.push(...found.fields);
    at = found.end;
  }
  const layout = new LayoutReader(bytes, at);
  layout.number('elements of a storage', 8);
  return [...fields, ...layout.fields];
}

function inArchive(name: string, object: () => p.Code): SpecialCase {
  return { name, file: SMALL, bytes: () => torchZip(p.pickle(object()), storages) };
}

/** Roots of pickles that no pickler writes. */
function pickleCases(): (readonly [string, () => p.Code])[] {
  const repeated = (code: p.Code, times: number): Buffer => Buffer.concat(new Array<Buffer>(times).fill(code));
  return [
    ['a tensor whose storage is not there', () => p.dict(['a', p.tensor({ key: 'none', shape: [2] })])],
    ...OUTSIDE_PATHS.map((place) => {
      const object = (): p.Code => p.dict(['a', p.tensor({ key: place, shape: [2] })]);
      return [`a storage called ${JSON.stringify(place)}`, object] as const;
    }),
    ['a tensor of 1000 axes', () => p.dict(['a', p.tensor({ shape: Array<number>(1000).fill(1) })])],
    ['a tensor of 2⁶² elements', () => p.dict(['a', p.tensor({ shape: [2n ** 31n, 2n ** 31n], elements: 1e9 })])],
    ['a tensor before its storage', () => p.dict(['a', p.tensor({ shape: [2], offset: -2n })])],
    ['strides that overflow', () => p.dict(['a', p.tensor({ shape: [2, 2], strides: [2n ** 62n, 1] })])],
    ['a memo index of 2³² − 1 that nothing was put at', () => p.dict(['a', p.get(2 ** 32 - 1)])],
    ['tuples that double, 60 times', () => doubling('(', 't')],
    ['lists that double, 60 times', () => doubling('](', 'e')],
    ['a million marks', () => repeated(Buffer.from('('), 1_100_000)],
    ['a million copies of one value', () => p.bytes(p.none, repeated(Buffer.from('2'), 1_100_000))],
    ['a text of 2³¹ bytes', () => p.bytes('T', p.uint32(2 ** 31 - 1), 'x')],
    ['a text of −1 bytes', () => p.bytes('T', p.uint32(2 ** 32 - 1), 'x')],
    ['bytes of 2⁶³', () => p.bytes(0x8e, p.uint64(2n ** 63n), 'x')],
    ['an integer of 10⁹ digits', () => p.bytes(0x8b, p.uint32(10 ** 9))],
    ['names of 5000 characters', () => p.dict([p.text('n'.repeat(5000)), good], ['a', good])],
    ['a tensor under half a million names', () => p.bytes(p.put(0, good), '0', namesOf(500_000))],
    ['a key of 4 MB in 20 000 dictionaries', () => longKeys(p.emptyDict)],
    ['a key of 4 MB in 20 000 dictionaries, with a tensor', () => longKeys(good)],
    ['a call that runs programs', () => p.dict(['a', good], ['x', p.call(p.global('os', 'system'), p.text('true'))])],
  ];
}

/** One text, in each dictionary of a list. */
function longKeys(value: p.Code): p.Code {
  const each = p.bytes(p.emptyDict, p.get(7), p.get(8), 's', 'a');
  const items = Buffer.concat(new Array<Buffer>(20_000).fill(each));
  return p.bytes(p.put(7, p.text('a_'.repeat(2 * 2 ** 20))), '0', p.put(8, value), '0', p.list(), items);
}

function namesOf(count: number): p.Code {
  const pairs = Array.from({ length: count }, (_, i) => p.bytes(p.text(`t${i}`), p.get(0)));
  const batches: p.Code[] = [];
  for (let i = 0; i < count; i += 100_000) batches.push(p.bytes('(', ...pairs.slice(i, i + 100_000), 'u'));
  return p.bytes(p.emptyDict, ...batches);
}

/** Instructions that cost a byte or two of a deflated pickle, and what each of them asks for. */
const CHEAP: readonly (readonly [what: string, unit: p.Code])[] = [
  ['values that are dropped', p.bytes('N0')],
  ['integers that are dropped', p.bytes(p.int(2n ** 60n), '0')],
  ['integers that are remembered', p.bytes(p.int(2n ** 60n), 0x94, '0')],
  ['numbers that are remembered', p.bytes(p.float(0.5), 0x94, '0')],
  ['places in the memo', p.bytes(0x94)],
  ['empty tuples', p.bytes(')', 0x94, '0')],
  ['empty dictionaries', p.bytes('}', 0x94, '0')],
  ['empty bytes', p.bytes('C', 0, 0x94, '0')],
  ['calls', p.bytes('cx\ny\n)R', 0x94, '0')],
  ['references', p.bytes('NQ', 0x94, '0')],
];

/** 60 MB of each, in some 60 kB. */
function cheapPickles(): SpecialCase[] {
  return CHEAP.map(([what, unit]) => ({
    name: `60 MB of ${what}`,
    file: SMALL,
    bytes: () => zip([cheapRecord('model/data.pkl', unit), ...torchRecords(whole(), storages).slice(1)]),
  }));
}

function cheapRecord(name: string, unit: p.Code): ZipRecord {
  const units = Buffer.alloc(unit.length * Math.floor((60 * 2 ** 20) / unit.length), unit);
  return { name, bytes: p.bytes(0x80, 2, 'N', units, '0', p.dict(['a', good]), '.'), deflate: true };
}

/** An archive without its directory, each of whose pickles asks for as much as one may. */
function cutArchive(): Buffer {
  const records = Array.from({ length: 8 }, (_, i) => cheapRecord(`m${i}/data.pkl`, p.bytes('N0')));
  const whole = zip(records);
  return whole.subarray(0, whole.length - 22);
}

/** Odd roots that hide no tensor. */
function harmlessPickles(): SpecialCase[] {
  const self = p.bytes(p.put(1, p.emptyDict), '(', p.text('a'), good, p.text('self'), p.get(1), 'u');
  const nested = (open: string, times: number, close: string): p.Code =>
    p.bytes(open.repeat(times), close.repeat(times));
  return [
    inArchive('a dictionary in itself', () => self),
    inArchive('a list in itself', () => p.dict(['a', good], ['l', p.bytes(p.put(1, p.list()), p.get(1), 'a')])),
    inArchive('lists in lists, 400 000 deep', () =>
      p.dict(['a', good], ['l', nested(']', 400_000, 'a').subarray(0, -1)]),
    ),
    inArchive('tuples in tuples, 200 000 deep', () => p.dict(['a', good], ['l', nested('(', 200_000, 't')])),
    inArchive('dictionaries in dictionaries', () => {
      const down = Buffer.concat(new Array<Buffer>(100_000).fill(p.bytes(p.emptyDict, p.text('k'))));
      return p.dict(['a', good], ['d', p.bytes(down, p.none, 's'.repeat(100_000))]);
    }),
    inArchive('one key 20 000 times', () =>
      p.dict(...new Array<[string, p.Code]>(20_000).fill(['a', p.none]), ['a', good]),
    ),
    inArchive('a memo index of 2³² − 1', () => p.dict(['a', good], ['b', p.put(2 ** 32 - 1, p.none)])),
  ].map((found) => ({ ...found, harmless: true as const }));
}

/** Sixty levels of two references to the level below: 2⁶⁰ leaves in a few hundred bytes. */
function doubling(open: string, close: string): p.Code {
  let code = p.put(0, good);
  for (let level = 1; level <= 60; level++) {
    code = p.bytes(code, '0', p.put(level, p.bytes(open, p.get(level - 1), p.get(level - 1), close)));
  }
  return code;
}

function zipCases(): SpecialCase[] {
  const records = (): ZipRecord[] => torchRecords(whole(), storages);
  const archive = (name: string, change: (all: ZipRecord[]) => ZipRecord[], options?: ZipOptions): SpecialCase => ({
    name,
    file: SMALL,
    bytes: () => zip(change(records()), options),
  });
  return [
    archive('a pickle that a few kilobytes blow up to 2 GB', ([, ...rest]) => [
      bombRecord('model/data.pkl', p.bytes(0x80, 2, '}(', p.text('a'), good, 'X', p.uint32(2 ** 31)), 2048),
      ...rest,
    ]),
    archive('a storage that a few kilobytes blow up to 2 GB', ([pickled]) => [
      pickled!,
      bombRecord('model/data/0', Buffer.alloc(0), 2048),
    ]),
    { name: 'eight pickles of an archive that was cut', file: SMALL, bytes: cutArchive },
    archive('two pickles', ([pickled, ...rest]) => [pickled!, pickled!, ...rest]),
    archive('65 535 entries declared', (all) => all, { entryCount: 65_535 }),
    archive('10⁹ entries declared', (all) => all, { entryCount: 1e9, zip64: true }),
    archive('records that begin at one another', (all) => all.map((record) => ({ ...record, localHeader: 0 }))),
    archive('a directory that begins at byte 0', (all) => all, { directoryOffset: 0 }),
    archive('encrypted records', (all) => all.map((record) => ({ ...record, flags: 0x0809 }))),
  ];
}
