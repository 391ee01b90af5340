/** PyTorch's distributed checkpoints: the pickled metadata, and records that hold the chunks. */
import * as w from '../../harness/checkpoints/distributedWriter';
import * as p from '../../harness/checkpoints/pickleWriter';
import { torchFolders } from '../../harness/checkpoints/torchFolders';
import { torchFolder } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';
import { OUTSIDE_PATHS } from './outsidePaths';

const METADATA = '.metadata';
const RECORDS = '__0_0.distcp';

export function distributedCorpus(): readonly Corpus[] {
  const recordBytes = Buffer.from(torchFolders.distributed!.files[RECORDS]!, 'base64').length;
  const metadata = (name: string, bytes: () => Buffer): SpecialCase => ({ name, file: METADATA, bytes });
  const chunk = (place: Buffer, sizes = [2, 2], offsets = [0, 0]): w.ChunkParts => ({ offsets, sizes, place });
  const one = (place: Buffer): Buffer => w.metadataPickle({ w: { size: [2, 2], chunks: [chunk(place)] } });
  const entry = (code: Buffer): Buffer => w.metadataPickle({}, { entries: [['w', code]] });
  const whole = w.place(RECORDS, 0, recordBytes);
  const special = [
    ...OUTSIDE_PATHS.map((place) => metadata(`a record at ${place}`, () => one(w.place(place, 0, 4)))),
    metadata('a record of 2^53 bytes', () => one(w.place(RECORDS, 0, 2 ** 53))),
    metadata('a record at −1', () => one(w.place(RECORDS, -1, 4))),
    metadata('a record at 2^63 − 1', () => one(w.place(RECORDS, 2n ** 63n - 1n, 1))),
    metadata('a chunk of 2^52 elements', () =>
      w.metadataPickle({ w: { size: [2, 2], chunks: [chunk(whole, [2 ** 26, 2 ** 26])] } }),
    ),
    metadata('a tensor of 2^80 elements', () =>
      w.metadataPickle({ w: { size: [2 ** 40, 2 ** 40], chunks: [chunk(whole, [2 ** 40, 2 ** 40])] } }),
    ),
    metadata('the same chunk in two shapes', () =>
      w.metadataPickle({ w: { size: [2, 2], chunks: [chunk(whole), chunk(whole, [1, 2])] } }),
    ),
    metadata('20 000 chunks over one another', () => {
      const chunks = Array.from({ length: 20_000 }, (_, i) => chunk(whole, [1, i + 1]));
      return w.metadataPickle({ w: { size: [1, 20_000], chunks } });
    }),
    metadata('a chunk of 1000 axes', () => {
      const axes = Array<number>(1000).fill(1);
      return w.metadataPickle({ w: { size: axes, chunks: [chunk(whole, axes, axes)] } });
    }),
    metadata('an entry that is a call', () => entry(p.call(p.global('os', 'system'), p.text('echo')))),
    metadata('an entry that is looked up', () =>
      entry(p.call(p.global('builtins', 'getattr'), p.global('os', 'path'), p.text('x'))),
    ),
    metadata('an entry that holds itself', () => entry(p.bytes(p.put(9, p.bytes(']')), p.get(9), 'a'))),
    metadata('lists 100 000 deep', () => p.pickle(p.bytes(']'.repeat(100_000), 'a'.repeat(99_999)))),
    metadata('no pickle', () => Buffer.from('no pickle at all')),
    metadata('another pickle', () => p.pickle(p.dict(['a', p.none]))),
  ];
  return [{ source: torchFolder('distributed', METADATA), fields: { [METADATA]: metadataFields }, special }];
}

/** Opcodes of integers, and their bytes; BINGET recalls the key or the class that the integer is for. */
const INTEGERS: ReadonlyMap<number, number> = new Map([
  [0x4b, 1],
  [0x4d, 2],
  [0x4a, 4],
]);
const BINGET = 0x68;

/** The pickle's frame, and the integers behind a name that was recalled: places, sizes and lengths. */
function metadataFields(bytes: Buffer): readonly Field[] {
  const layout = new LayoutReader(bytes);
  // PROTO and its version, FRAME.
  layout.skip(3);
  layout.number('frame length', 8);
  while (layout.at < bytes.length - 1) {
    const width = bytes[layout.at - 2] === BINGET ? INTEGERS.get(bytes[layout.at]!) : undefined;
    layout.skip(1);
    if (width !== undefined) layout.number('integer', width);
  }
  return layout.fields;
}
