/** TensorFlow.js models: `model.json` and its shards. */
import { smallTensorflowJs } from '../tensorflowSources';
import type { Corpus, SpecialCase } from './corpus';
import { DEEP_JSON, jsonFields } from './jsonFields';
import { OUTSIDE_PATHS } from './outsidePaths';

const MODEL = 'model.json';

export function tensorflowJsCorpus(): readonly Corpus[] {
  const file = (name: string, text: string): SpecialCase => ({ name, file: MODEL, bytes: () => Buffer.from(text) });
  const manifest = (paths: readonly unknown[], weights: readonly unknown[]): string =>
    JSON.stringify({ modelTopology: {}, weightsManifest: [{ paths, weights }] });
  const weight = (name: string, shape: unknown = [2], dtype: unknown = 'float32'): unknown => ({ name, shape, dtype });
  const shard = 'group1-shard1of2';
  const special = [
    ...OUTSIDE_PATHS.map((place) => file(`a shard at ${JSON.stringify(place)}`, manifest([place], [weight('a')]))),
    file('a model that is its own shard', manifest([MODEL], [weight('a')])),
    file('a folder for a shard', manifest(['.'], [weight('a')])),
    file(
      '50 000 shards that are not there',
      manifest(
        Array.from({ length: 50_000 }, (_, i) => `s${i}`),
        [weight('a')],
      ),
    ),
    file('one shard 50 000 times', manifest(new Array<string>(50_000).fill(shard), [weight('a')])),
    file('one name 50 000 times', manifest([shard], new Array<unknown>(50_000).fill(weight('a', [])))),
    file('10⁹ elements', manifest([shard], [weight('a', [1e9])])),
    file('2⁶² elements', manifest([shard], [weight('a', [2 ** 31, 2 ** 31])])),
    file('a shape that is none', manifest([shard], [weight('a', 'x'), weight('b', [-1]), weight('c', [1.5])])),
    file('types that are none', manifest([shard], [weight('a', [1], 7), weight('b', [1], '__proto__')])),
    ...DEEP_JSON.map(([name, text]) => file(`topology of ${name}`, `{"modelTopology":${text}`)),
    ...DEEP_JSON.map(([name, text]) => file(`manifest of ${name}`, `{"weightsManifest":${text}`)),
  ];
  return [{ source: smallTensorflowJs(), fields: { [MODEL]: (bytes) => jsonFields(bytes) }, special }];
}
