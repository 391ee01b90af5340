/** safetensors, alone and in shards. */
import { f32Entry, ramp, rawSafetensors, safetensorsBytes } from '../../harness/checkpoints/safetensorsFixtures';
import { smallShards } from '../folderSources';
import { made } from '../source';
import { torchFolder } from '../sources';
import type { Corpus, SpecialCase } from './corpus';
import type { Field } from './fields';
import { DEEP_JSON, jsonFields } from './jsonFields';
import { LayoutReader } from './layoutReader';
import { OUTSIDE_PATHS } from './outsidePaths';

const FILE = 'small.safetensors';
const INDEX = 'model.safetensors.index.json';
const FIRST_SHARD = 'model-00001-of-00002.safetensors';

/** The header's length, and every number in it. */
export function safetensorsFields(bytes: Buffer): readonly Field[] {
  const layout = new LayoutReader(bytes);
  const length = layout.number('header length', 8);
  return [...layout.fields, ...jsonFields(bytes, 8, 8 + length, [layout.last])];
}

export function safetensorsCorpus(): readonly Corpus[] {
  const tensors = [ramp('a.weight', [4, 3]), ramp('b.weight', [2, 2, 3], 9), ramp('c', [])];
  const source = made(FILE, () => safetensorsBytes(tensors, { format: 'pt' }));
  const file = (name: string, header: string, data = 0, length?: number): SpecialCase => ({
    name,
    file: FILE,
    bytes: () => rawSafetensors(header, data),
    ...(length !== undefined && { length }),
  });
  const entry = (begin: number, end: number): string => JSON.stringify(f32Entry([(end - begin) / 4], begin, end));
  const special = [
    ...DEEP_JSON.map(([name, text]) => file(name, `{"a":${text}`)),
    ...DEEP_JSON.map(([name, text]) => file(`metadata of ${name}`, `{"__metadata__":${text}`)),
    file('a name of 20 MB', `{${JSON.stringify('a.'.repeat(1e7))}:${entry(0, 4)}}`, 4),
    file('a metadata key of 20 MB', `{"__metadata__":{${JSON.stringify('k'.repeat(2e7))}:"v"},"a":${entry(0, 4)}}`, 4),
    file('one name 100 000 times', `{${new Array<string>(100_000).fill(`"a":${entry(0, 4)}`).join(',')}}`, 4),
    file(
      '100 000 tensors of the same bytes',
      named(100_000, () => entry(0, 4)),
      4,
    ),
    file(
      '100 000 tensors inside one another',
      named(100_000, (i) => entry(0, 4 + 4 * i)),
      400_000,
    ),
    file('a tensor of 100 000 axes', `{"a":${JSON.stringify(f32Entry(Array<number>(100_000).fill(1), 0, 4))}}`, 4),
    {
      name: 'a header of zeros, as long as one may be, in a file of 64 GB',
      file: FILE,
      bytes: () => rawSafetensors('', 0, 100_000_000n),
      length: 2 ** 36,
    },
  ];
  return [{ source, fields: { [FILE]: safetensorsFields }, special }];
}

function named(count: number, entry: (i: number) => string): string {
  return `{${Array.from({ length: count }, (_, i) => `"t${i}":${entry(i)}`).join(',')}}`;
}

export function shardedCorpus(): readonly Corpus[] {
  const index = (name: string, text: string): SpecialCase => ({ name, file: INDEX, bytes: () => Buffer.from(text) });
  const map = (entries: Record<string, unknown>): string => JSON.stringify({ weight_map: entries });
  const special = [
    ...OUTSIDE_PATHS.map((place) => index(`a shard at ${JSON.stringify(place)}`, map({ 'a.weight': place }))),
    index('an index that is its own shard', map({ 'a.weight': INDEX })),
    index('a name of 5 MB', map({ ['a.'.repeat(2.5e6)]: FIRST_SHARD })),
    index('a folder for a shard', map({ 'a.weight': '.' })),
    index('shards that are no names', map({ a: 1, b: null, c: ['x'], d: {} })),
    index('100 000 shards that are not there', map(Object.fromEntries(manyShards(100_000)))),
    index(
      'one name 100 000 times',
      `{"weight_map":{${new Array<string>(100_000).fill(`"a.weight":"${FIRST_SHARD}"`).join(',')}}}`,
    ),
    index('300 000 names in one shard', map(Object.fromEntries(manyNames(300_000)))),
    ...DEEP_JSON.map(([name, text]) => index(name, `{"weight_map":${text}`)),
    ...DEEP_JSON.map(([name, text]) => index(`metadata of ${name}`, `{"metadata":${text}`)),
  ];
  return [
    {
      source: smallShards(),
      fields: { [INDEX]: (bytes) => jsonFields(bytes), [FIRST_SHARD]: safetensorsFields },
      special,
    },
  ];
}

/** The same index with shards that PyTorch wrote. */
export function shardedPytorchCorpus(): readonly Corpus[] {
  const source = torchFolder('sharded', 'pytorch_model.bin.index.json');
  const special = OUTSIDE_PATHS.map((place): SpecialCase => ({
    name: `a shard at ${JSON.stringify(place)}`,
    file: source.open,
    bytes: () => Buffer.from(JSON.stringify({ weight_map: { a: `${place}.bin`, b: place } })),
  }));
  return [{ source, fields: { [source.open]: (bytes) => jsonFields(bytes) }, special }];
}

function manyShards(count: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`t${i}`, `model-${i}.safetensors`]);
}

function manyNames(count: number): [string, string][] {
  return Array.from({ length: count }, (_, i) => [`t${i}`, FIRST_SHARD]);
}
