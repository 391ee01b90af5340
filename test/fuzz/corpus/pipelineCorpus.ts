/** Pipelines of diffusers: the index that names the parts, and a model's folder in the download cache. */
import { cachedModel, smallPipeline } from '../folderSources';
import type { Corpus, SpecialCase } from './corpus';
import { DEEP_JSON } from './jsonFields';
import { OUTSIDE_PATHS } from './outsidePaths';

const INDEX = 'model_index.json';
const REFERENCE = 'models--me--net/refs/main';

export function pipelineCorpus(): readonly Corpus[] {
  const index = (name: string, text: string): SpecialCase => ({ name, file: INDEX, bytes: () => Buffer.from(text) });
  const parts = (names: readonly string[]): string =>
    JSON.stringify(Object.fromEntries(names.map((name) => [name, ['diffusers', 'Model']])));
  const special: SpecialCase[] = [
    ...OUTSIDE_PATHS.map((place) => index(`a part at ${JSON.stringify(place)}`, parts(['unet', place]))),
    index('no parts', '{}'),
    index('a list', '[1]'),
    index('100 000 parts that are not there', parts(Array.from({ length: 100_000 }, (_, i) => `part${i}`))),
    index('parts that are files', parts(['model_index', 'unet'])),
    {
      ...index('a class of 500 000 letters', JSON.stringify({ unet: ['diffusers', 'x'.repeat(500_000)] })),
      harmless: true,
    },
    ...DEEP_JSON.map(([name, text]) => index(name, `{"unet":${text}`)),
  ];
  const references = OUTSIDE_PATHS.map((place): SpecialCase => ({
    name: `a reference to ${JSON.stringify(place)}`,
    file: REFERENCE,
    bytes: () => Buffer.from(place),
    // The only snapshot is meant, whatever the reference says.
    harmless: true,
  }));
  return [
    { source: smallPipeline(), special },
    { source: cachedModel(), special: references },
  ];
}
