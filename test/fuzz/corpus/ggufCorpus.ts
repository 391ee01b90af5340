/** GGUF in both byte orders, and in parts. */
import { floatTensor, GgufWriter, VALUE, type GgufFile } from '../../harness/checkpoints/ggufWriter';
import { ggufParts, smallGguf } from '../ggufSources';
import { made } from '../source';
import type { Corpus, SpecialCase } from './corpus';
import type { Field } from './fields';
import { LayoutReader } from './layoutReader';

const SMALL = 'small.gguf';
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const { ARRAY, TEXT, U8, U16, U32 } = VALUE;

/** All numbers of the header, the metadata's among them. */
function ggufFields(bytes: Buffer, order: 'little-endian' | 'big-endian' = 'little-endian'): readonly Field[] {
  const layout = new LayoutReader(bytes, 4, order);
  layout.number('version', 4);
  const tensors = layout.number('tensor count', 8);
  const pairs = layout.number('pair count', 8);
  for (let i = 0; i < pairs; i++) {
    layout.text(layout.number('length of a key', 8));
    value(layout, layout.number('type of a value', 4));
  }
  for (let i = 0; i < tensors; i++) {
    layout.text(layout.number('length of a name', 8));
    const rank = layout.number('number of axes', 4);
    for (let axis = 0; axis < rank; axis++) layout.number('size of an axis', 8);
    layout.number('element type', 4);
    layout.number('offset of a tensor', 8);
  }
  return layout.fields;
}

function value(layout: LayoutReader, type: number): void {
  if (type === TEXT) layout.text(layout.number('length of a text', 8));
  else if (type !== ARRAY) layout.number('a value', SIZES[type]!);
  else {
    const inner = layout.number('type of an array', 4);
    for (let left = layout.number('length of an array', 8); left > 0; left--) value(layout, inner);
  }
}

export function ggufCorpus(): readonly Corpus[] {
  const parts = ggufParts();
  return [
    { source: made(SMALL, () => smallGguf(false)), fields: { [SMALL]: ggufFields }, special: specialCases() },
    {
      source: made('big-endian.gguf', () => smallGguf(true)),
      fields: { 'big-endian.gguf': (bytes) => ggufFields(bytes, 'big-endian') },
    },
    {
      source: parts,
      fields: Object.fromEntries(parts.damage.map((part) => [part, ggufFields])),
      special: partCases(parts.damage[0]!),
    },
  ];
}

function specialCases(): SpecialCase[] {
  const writer = new GgufWriter();
  const w = floatTensor('w', [2, 2]);
  const file = (name: string, content: () => GgufFile, more: Partial<SpecialCase> = {}): SpecialCase => ({
    name,
    file: SMALL,
    bytes: () => writer.file(content()),
    ...more,
  });
  const pair = (value: Buffer): GgufFile => ({ pairs: [{ key: 'k', type: ARRAY, value }], tensors: [w] });
  /** Zeros behind the header: a file large enough for what the header promises. */
  const large = { length: 2 ** 36 };
  /** The same where a header of zeros can follow. */
  const sparse = { ...large, harmless: true } as const;
  return [
    file('10⁹ tensors in a large file', () => ({ tensorCount: 10n ** 9n }), large),
    file('10⁹ pairs in a large file', () => ({ pairCount: 10n ** 9n }), large),
    file('2⁴⁰ empty words in a large file', () => pair(writer.array(TEXT, [], 2n ** 40n)), large),
    file('2³⁰ bytes of an array in a large file', () => pair(writer.array(U8, [], 2n ** 30n)), sparse),
    file('a key of 2³⁰ bytes in a large file', () => ({ pairCount: 1, pairs: [] }), {
      bytes: () => Buffer.concat([writer.file({ pairCount: 1 }).subarray(0, 24), writer.integer(2n ** 30n, 8)]),
      ...sparse,
    }),
    file('a name of 10 MB', () => ({ tensors: [floatTensor('a.'.repeat(5e6), [2, 2])] })),
    file('arrays in arrays, 100 000 deep', () => {
      const level = Buffer.concat([writer.integer(ARRAY, 4), writer.integer(1, 8)]);
      return pair(Buffer.concat([...new Array<Buffer>(100_000).fill(level), writer.array(U8, [])]));
    }),
    file('300 000 empty arrays', () => {
      const empty = writer.array(U8, []);
      return pair(writer.array(ARRAY, new Array<Buffer>(300_000).fill(empty)));
    }),
    file('90 000 empty arrays in each of 30 values', () => {
      const nested = writer.array(ARRAY, new Array<Buffer>(90_000).fill(writer.array(U8, [])));
      return { pairs: Array.from({ length: 30 }, (_, i) => ({ key: `k${i}`, type: ARRAY, value: nested })) };
    }),
    file('one key 20 000 times', () => ({ pairs: new Array(20_000).fill(writer.pair('k', U32, 1)), tensors: [w] }), {
      harmless: true,
    }),
    file('one name 20 000 times', () => ({ tensors: new Array(20_000).fill(floatTensor('w', [1])) })),
    file('20 000 tensors of the same bytes', () => ({
      tensors: Array.from({ length: 20_000 }, (_, i) => ({ ...floatTensor(`t${i}`, [1]), offset: 0 })),
    })),
  ];
}

function partCases(first: string): SpecialCase[] {
  const writer = new GgufWriter();
  const part = (name: string, count: number): SpecialCase => ({
    name,
    file: first,
    bytes: () => writer.file({ pairs: [writer.pair('split.count', U16, count)], tensors: [floatTensor('w1', [3, 2])] }),
  });
  return [
    part('a part that promises 65 535 others', 65_535),
    {
      name: 'two parts with one name',
      file: first,
      bytes: () => writer.file({ pairs: [writer.pair('split.count', U16, 2)], tensors: [floatTensor('w2', [3, 2])] }),
    },
  ];
}
