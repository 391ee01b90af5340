/** TensorFlow's checkpoints, whose blocks are sealed again after the damage, and its graphs. */
import {
  blockBytes,
  entryBytes,
  headerEntry,
  sliceKey,
  snappyLiterals,
  tableBytes,
  TF,
  type Block,
  type Extent,
  type TableEntry,
} from '../../harness/checkpoints/tensorBundleWriter';
import { concat, lyingField, packedVarints, varint } from '../../harness/checkpoints/onnxWriter';
import { constant, graphDef, node, tensorProto } from '../../harness/checkpoints/tensorflowGraphWriter';
import { made } from '../source';
import { tensorflowCheckpoint } from '../tensorflowSources';
import type { Corpus, SpecialCase } from './corpus';
import { cuts, wrongNumbers, type Field } from './fields';
import { LayoutReader } from './layoutReader';
import { OUTSIDE_PATHS } from './outsidePaths';
import { protobufFields, walkMessage, type MessageFields } from './protobufFields';

const INDEX = 'model.ckpt.index';
const LATEST = 'checkpoint';
const GRAPH = 'frozen.pb';

const SHAPE: MessageFields = { 2: {} };
const HEADER: MessageFields = { 3: {} };
const ENTRY: MessageFields = { 2: SHAPE, 7: { 1: {} } };
const NODE: MessageFields = { 5: { 2: { 8: { 2: SHAPE } } } };
const GRAPH_DEF: MessageFields = { 1: NODE, 2: { 1: { 1: {}, 3: NODE } } };

const FLOAT_16 = { shape: [2, 2], size: 16 };

/** An index of one block, for the data files of the source. */
const LISTED: readonly TableEntry[] = [
  headerEntry({ shards: 2 }),
  ...[0, 2].map((start): TableEntry => ({
    key: sliceKey('table', [[start, 2], undefined]),
    value: entryBytes({ shape: [2, 3], shard: start / 2, offset: start === 0 ? 72 : 8, size: 24 }),
  })),
  { key: Buffer.from('a/kernel'), value: entryBytes(FLOAT_16) },
  { key: Buffer.from('a/kernel/Adam'), value: entryBytes(FLOAT_16) },
  {
    key: Buffer.from('table'),
    value: entryBytes({
      shape: [4, 3],
      slices: [
        [[0, 2], undefined],
        [[2, 2], undefined],
      ],
    }),
  },
];

/** Lengths of keys and values in a block, the values' numbers, and the count at its end. */
function blockFields(bytes: Buffer): readonly Field[] {
  const layout = new LayoutReader(bytes);
  for (let i = 0; i < LISTED.length; i++) {
    layout.varint('bytes of a key that are those of the one before');
    const own = layout.varint('further bytes of a key');
    const length = layout.varint('length of a value');
    const enclosing = [layout.last];
    layout.skip(own);
    walkMessage(layout, layout.at + length, i === 0 ? HEADER : ENTRY, enclosing);
  }
  layout.number('a restart', 4);
  layout.number('number of restarts', 4);
  return layout.fields;
}

/** Each kind of damage to a block's bytes, with a checksum that is right. */
function sealedCases(): SpecialCase[] {
  const block = Buffer.from(blockBytes(LISTED));
  const stored = Buffer.from(snappyLiterals(block));
  const entries = LISTED;
  const cases = [
    ...cuts(block, blockFields(block)).map(({ name, bytes }) => ({
      name,
      made: (): Block => ({ entries, bytes: bytes() }),
    })),
    ...wrongNumbers(block, blockFields(block)).map(({ name, bytes }) => ({
      name,
      made: (): Block => ({ entries, bytes: bytes() }),
    })),
    ...wrongNumbers(stored, snappyFields(stored)).map(({ name, bytes }) => ({
      name,
      made: (): Block => ({ entries, compression: 1, stored: bytes() }),
    })),
  ];
  return cases.map(({ name, made }) => ({
    name: `sealed again: ${name}`,
    file: INDEX,
    bytes: () => tableBytes([made()]),
    harmless: true,
  }));
}

/** The length in front, and the tags of the literals. */
function snappyFields(bytes: Buffer): readonly Field[] {
  const layout = new LayoutReader(bytes);
  layout.varint('decompressed length');
  while (layout.at < bytes.length) layout.skip((layout.number('a tag', 1) >> 2) + 1);
  return layout.fields;
}

/** The handles in the footer, whose place in the file is fixed. */
function footerFields(bytes: Buffer): readonly Field[] {
  const layout = new LayoutReader(bytes, bytes.length - 48);
  for (const name of ['the metadata', 'the index']) {
    layout.varint(`place of ${name}`);
    layout.varint(`size of ${name}`);
  }
  return layout.fields;
}

export function tensorflowCheckpointCorpus(): readonly Corpus[] {
  const index = (name: string, blocks: () => readonly Block[], more: Partial<SpecialCase> = {}): SpecialCase => ({
    name,
    file: INDEX,
    bytes: () => tableBytes(blocks()),
    ...more,
  });
  const one = (...entries: readonly TableEntry[]): Block[] => [{ entries: [headerEntry(), ...entries] }];
  const many = (count: number, entry: (i: number) => TableEntry): Block[] =>
    one(...Array.from({ length: count }, (_, i) => entry(i)));
  const key = (text: string): Buffer => Buffer.from(text);
  const value = entryBytes({});
  const same = entryBytes(FLOAT_16);
  const special = [
    ...sealedCases(),
    ...OUTSIDE_PATHS.map((place): SpecialCase => ({
      name: `the latest checkpoint at ${place}`,
      file: LATEST,
      bytes: () => Buffer.from(`model_checkpoint_path: "${place}"\n`),
    })),
    index('10⁹ data files', () => [{ entries: [headerEntry({ shards: 10n ** 9n }), ...LISTED.slice(1)] }]),
    index('11 000 data files, each used', () => [
      {
        entries: [
          headerEntry({ shards: 11_000 }),
          ...Array.from({ length: 11_000 }, (_, i) => ({ key: key(`w${i}`), value: entryBytes({ shard: i }) })),
        ],
      },
    ]),
    index('one key 20 000 times', () => many(20_000, () => ({ key: key('w'), value }))),
    index('20 000 tensors of the same bytes', () => many(20_000, (i) => ({ key: key(`w${i}`), value: same })), {
      harmless: true,
    }),
    index('11 000 slices of one tensor', () => {
      const slices = Array.from({ length: 11_000 }, (_, i): readonly Extent[] => [[i, 1]]);
      const whole = { key: key('w'), value: entryBytes({ shape: [11_000], slices }) };
      const parts = slices.map((extents) => ({
        key: sliceKey('w', extents),
        value: entryBytes({ shape: [1], size: 4 }),
      }));
      return one(...parts, whole);
    }),
    index('60 000 bytes of a key 5000 times', () => {
      const long: TableEntry = { key: Buffer.alloc(60_000, 'k'), value };
      return one(long, ...new Array<TableEntry>(5000).fill({ key: key(''), value, shared: 60_000, own: 0 }));
    }),
    index('11 000 blocks', () => new Array<Block>(11_000).fill({ entries: [headerEntry()] })),
    index('1000 blocks that are one', () => [
      { entries: [headerEntry()] },
      ...new Array<Block>(1000).fill({ entries: [], offset: 0 }),
    ]),
    index('16 MB of copies of one byte, in 100 blocks', () => {
      const copies = Buffer.alloc(3 * (2 ** 18 - 1));
      for (let at = 0; at < copies.length; at += 3) copies.set([(63 << 2) | 2, 1, 0], at);
      const stored = concat(varint(64 * (2 ** 18 - 1) + 1), [0, 0], copies);
      return [{ entries: [headerEntry()] }, ...new Array<Block>(100).fill({ entries: [], compression: 1, stored })];
    }),
    index('an index without a beginning, in a file of 64 GB', () => [], { length: 2 ** 36 }),
  ];
  return [
    { source: tensorflowCheckpoint(0), fields: { [INDEX]: footerFields }, special },
    { source: tensorflowCheckpoint(1), fields: { [INDEX]: footerFields } },
  ];
}

export function tensorflowGraphCorpus(): readonly Corpus[] {
  const graph = (name: string, nodes: () => readonly Uint8Array[], more: Partial<SpecialCase> = {}): SpecialCase => ({
    name,
    file: GRAPH,
    bytes: () => graphDef(nodes()),
    ...more,
  });
  const weight = constant('w', tensorProto([2, 2], lyingField(4, 16, Buffer.alloc(16))));
  const typed = constant('t', tensorProto([2, 2], packedVarints(13, [0x3c00, 0xbc00, 1, 2]), TF.HALF));
  const special = [
    graph('one name 20 000 times', () => new Array<Uint8Array>(20_000).fill(weight), { harmless: true }),
    graph('100 000 nodes of nothing', () => new Array<Uint8Array>(100_000).fill(new Uint8Array())),
    graph(
      'a constant of 2³⁰ bytes in a large file',
      () => [node('w', 'Const'), constant('w', tensorProto([2 ** 28], lyingField(4, 2 ** 30, Buffer.alloc(0))))],
      { length: 2 ** 36 },
    ),
    graph('100 000 axes', () => [constant('w', tensorProto(new Array<number>(100_000).fill(1), new Uint8Array()))]),
  ];
  return [
    {
      source: made(GRAPH, () => graphDef([weight, typed], { call: [weight] })),
      fields: { [GRAPH]: (bytes) => protobufFields(bytes, GRAPH_DEF) },
      special,
    },
  ];
}
