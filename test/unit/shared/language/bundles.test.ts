/** The bundles of translations against the sentences in the code, and against each other. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  bundleProblems,
  englishBundle,
  readBundle,
  sentencesOfCode,
  type Bundle,
} from '../../../harness/language/sentences';
import { repositoryRoot } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';

const bundle = (name: string): Bundle => readBundle(name, repositoryRoot);

const REMEDY = 'npm run translations writes bundle.l10n.json and says what the others lack';

describe('the bundles of translations', () => {
  it('have every sentence of the code, and no other', () => {
    assert.deepEqual(sentencesOfCode(repositoryRoot).problems, []);
    assert.deepEqual(bundle('media/l10n/bundle.l10n.json'), englishBundle(repositoryRoot), REMEDY);
  });

  for (const name of readdirSync(path.join(repositoryRoot, 'media/l10n'))) {
    it(`agree: ${name}`, () => {
      assert.match(name, /^bundle\.l10n(\.[a-z]{2}(-[a-z]+)?)?\.json$/);
      const english = bundle('media/l10n/bundle.l10n.json');
      assert.deepEqual(bundleProblems(english, bundle(`media/l10n/${name}`)), [], REMEDY);
    });
  }

  it('show what is wrong with one', () => {
    const english = { '{0} of {1}': '{0} of {1}', Open: 'Open' };
    assert.deepEqual(bundleProblems(english, { '{0} of {1}': '{1} von {0}', Open: 'Öffnen' }), []);
    assert.deepEqual(bundleProblems(english, { '{0} of {1}': '{0} von {0}', Close: 'Schließen' }), [
      'has "{0} {0}" instead of "{0} {1}" in "{0} of {1}"',
      'lacks "Open"',
      'has "Close", which is nowhere',
    ]);
    assert.deepEqual(bundleProblems({ Open: 'Open' }, { Open: ' ' }), ['has nothing for "Open"']);
  });

  it('are made of literals: calls with anything else are told', () => {
    const folder = temporaryFolder();
    for (const name of ['extension', 'webview']) mkdirSync(path.join(folder, name));
    const code =
      "l10n.t('One');\nl10n.pieces(`Two {0}`, 2);\nl10n.t(name);\nl10n.t(`a ${b}`);\nl10n.many(n, 'Three', 'Four');\nl10n.english('Six');\nother.t('Five');\n";
    writeFileSync(path.join(folder, 'webview', 'page.ts'), code);
    const { sentences, problems } = sentencesOfCode(folder);
    assert.deepEqual([...sentences.keys()], ['One', 'Two {0}', 'Three', 'Four', 'Six/known']);
    assert.deepEqual(
      problems,
      [3, 4].map((line) => `${path.join('webview', 'page.ts')}:${line} gives l10n no literal`),
    );
  });
});

describe('the texts of package.json', () => {
  const manifest = readFileSync(path.join(repositoryRoot, 'package.json'), 'utf8');

  it('are all in package.nls.json, and no others', () => {
    const used = [...manifest.matchAll(/"%([^"%]+)%"/g)].map(([, key]) => key!);
    assert.deepEqual([...new Set(used)].sort(), Object.keys(bundle('package.nls.json')).sort());
  });

  it('leave none that a person reads in package.json itself', () => {
    const { contributes } = JSON.parse(manifest) as { contributes: Record<string, unknown> };
    assert.deepEqual(plainTexts(contributes, 'contributes'), []);
  });

  for (const name of readdirSync(repositoryRoot).filter((each) => /^package\.nls\..+\.json$/.test(each))) {
    it(`are translated: ${name}`, () => assert.deepEqual(bundleProblems(bundle('package.nls.json'), bundle(name)), []));

    it(`lead to the same commands: ${name}`, () => {
      const links = (text: string): string[] => [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
      const translations = bundle(name);
      for (const [key, text] of Object.entries(bundle('package.nls.json'))) {
        assert.deepEqual(links(translations[key]!), links(text), key);
      }
    });
  }
});

/** Names of texts that people read. What a language model reads stays English. */
const READ = /^(title|description|markdownDescription|enumDescriptions|aliases|altText|userDescription|displayName)$/;
/** The extension's name is the same everywhere, and a schema of a model's call is for the model. */
const SAME = /^Eigenscope$/;

function plainTexts(value: unknown, place: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]: [string, unknown]) => {
    if (key === 'inputSchema') return [];
    const texts = READ.test(key) ? [each].flat().filter((text) => typeof text === 'string') : [];
    const plain = texts.filter((text) => !/^%.+%$/.test(text) && !SAME.test(text));
    return [...plain.map((text) => `${place}.${key}: ${text}`), ...plainTexts(each, `${place}.${key}`)];
  });
}
