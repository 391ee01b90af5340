/** Flax's MessagePack. */
import * as m from '../../harness/checkpoints/msgpackWriter';
import { made } from '../source';
import { flaxFiles } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';

const SMALL = 'small.msgpack';

/** First bytes of texts, bytes, lists, maps and extensions whose length follows in 1, 2 or 4 bytes. */
const SIZED = { bin: 0xc4, extension: 0xc7, text: 0xd9, list: 0xdc, map: 0xde } as const;

/** Every length, count and integer. */
function msgpackFields(bytes: Buffer): readonly Field[] {
  const layout = new LayoutReader(bytes, 0, 'big-endian');
  value(layout);
  return layout.fields;
}

function value(layout: LayoutReader): void {
  const code = layout.skip(1)[0]!;
  const inside = (from: number, count: number): boolean => code >= from && code < from + count;
  if (code < 0x80 || code >= 0xe0 || inside(0xc0, 4)) return;
  if (code < 0x90) items(layout, 2 * (code & 15));
  else if (code < 0xa0) items(layout, code & 15);
  else if (code < 0xc0) layout.skip(code & 31);
  else if (inside(SIZED.bin, 3)) layout.skip(layout.number('length of bytes', 2 ** (code - SIZED.bin)));
  else if (inside(SIZED.extension, 3)) extension(layout, layout.number('length', 2 ** (code - SIZED.extension)));
  else if (inside(0xca, 2)) layout.skip(4 * (code - 0xc9));
  else if (inside(0xcc, 8)) layout.number('an integer', 2 ** ((code - 0xcc) % 4));
  else if (inside(0xd4, 5)) extension(layout, 2 ** (code - 0xd4));
  else if (inside(SIZED.text, 3)) layout.skip(layout.number('length of a text', 2 ** (code - SIZED.text)));
  else if (inside(SIZED.list, 2)) items(layout, layout.number('items of a list', 2 * (code - SIZED.list + 1)));
  else items(layout, 2 * layout.number('pairs of a map', 2 * (code - SIZED.map + 1)));
}

function items(layout: LayoutReader, count: number): void {
  for (let left = count; left > 0; left--) value(layout);
}

/** Arrays are MessagePack themselves. */
function extension(layout: LayoutReader, length: number): void {
  layout.number('code of an extension', 1);
  const end = layout.at + length;
  value(layout);
  layout.at = end;
}

export function flaxCorpus(): readonly Corpus[] {
  const array = m.flaxArray([2, 3], 'float32', m.floats(6));
  const source = made(SMALL, () => m.map([['params', m.map([['kernel', array]])]]));
  const fixtures = flaxFiles().filter(({ name }) => ['variables', 'train state', 'chunks'].includes(name));
  return [
    { source, fields: { [SMALL]: msgpackFields }, special: specialCases(array) },
    ...fixtures.map((fixture) => ({ source: fixture, fields: { [fixture.open]: msgpackFields } })),
  ];
}

function specialCases(array: Buffer): SpecialCase[] {
  const file = (name: string, bytes: () => Buffer, more: Partial<SpecialCase> = {}): SpecialCase => ({
    name,
    file: SMALL,
    bytes,
    ...more,
  });
  const kernel = (packed: Buffer): Buffer => m.map([['kernel', packed]]);
  const repeated = (times: number): (readonly [string, Buffer])[] =>
    new Array<[string, Buffer]>(times).fill(['k', array]);
  /** Zeros behind it: a file large enough for what is promised. */
  const large = { length: 2 ** 36 };
  return [
    file('lists in lists, a million deep', () => Buffer.alloc(1_000_000, 0x91)),
    file('maps in maps', () => Buffer.concat(new Array<Buffer>(300_000).fill(Buffer.from('81a16b', 'hex')))),
    file('extensions in extensions', () => {
      let nested = array;
      for (let depth = 0; depth < 1000; depth++) nested = m.extension(1, nested);
      return kernel(nested);
    }),
    file('a key of 10 MB', () => m.map([['a.'.repeat(5e6), array]])),
    file('300 000 keys', () => m.map(Array.from({ length: 300_000 }, (_, i) => [`k${i}`, array]))),
    file('10⁹ items', () => kernel(m.list([], 1e9)), large),
    file('10⁹ pairs', () => m.map([], 1e9), large),
    file('a text of 10⁹ bytes', () => kernel(m.text('x', 1e9)), large),
    file('bytes of 10⁹', () => kernel(m.bin(Buffer.alloc(1), 1e9)), large),
    file('an array of 10⁹ bytes', () => kernel(m.extension(1, Buffer.alloc(1), 1e9)), large),
    file('an array of 2⁶² elements', () => kernel(m.flaxArray([2 ** 31, 2 ** 31], 'float32', Buffer.alloc(4)))),
    file('an array of 10⁹ elements and 4 bytes', () => kernel(m.flaxArray([1e9], 'float32', Buffer.alloc(4)))),
    file('chunks of a shape that is larger', () =>
      kernel(m.chunkedArray([1e9], [m.flaxArray([1], 'float32', m.floats(1))])),
    ),
    file('100 000 chunks that are not there', () =>
      kernel(m.chunkedArray([100_000], new Array<Buffer>(100_000).fill(Buffer.of(0xc0)))),
    ),
    file('one key 50 000 times', () => m.map(repeated(50_000))),
  ];
}
