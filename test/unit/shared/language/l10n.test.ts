/** Sentences with their values, in English and translated. */
import assert from 'node:assert/strict';
import { l10n, parseBundle } from '../../../../extension/shared/language/l10n';
import { translationsElement } from '../../../../extension/shared/language/translationsElement';

describe('a sentence', () => {
  afterEach(() => l10n.useBundle({}));

  it('is the English one without a bundle', () => {
    assert.equal(l10n.t('Open'), 'Open');
    assert.equal(l10n.t('{0} of {1} layers', 3, '12'), '3 of 12 layers');
  });

  it('is its translation, with the values where that has them', () => {
    l10n.useBundle({ '{0} of {1} layers': 'von {1} Schichten {0}' });
    assert.equal(l10n.t('{0} of {1} layers', 3, 12), 'von 12 Schichten 3');
    assert.equal(l10n.t('Open'), 'Open', 'what the bundle lacks stays English');
  });

  it('takes values as they are: a placeholder in a name is no placeholder', () => {
    assert.equal(l10n.t('{0} in {1}', '{1}', '$&'), '{1} in $&');
  });

  it('is that for one, or that for any other count', () => {
    const layers = (count: number): string => l10n.many(count, '1 layer', '{0} layers', count);
    assert.deepEqual([0, 1, 2].map(layers), ['0 layers', '1 layer', '2 layers']);
    l10n.useBundle({ '1 layer': '1 Schicht', '{0} layers': '{0} Schichten' });
    assert.deepEqual([0, 1, 2].map(layers), ['0 Schichten', '1 Schicht', '2 Schichten']);
  });

  it('is English for programs, also after one that failed', () => {
    l10n.useBundle({ Open: 'Öffnen' });
    assert.equal(
      l10n.inEnglish(() => l10n.t('Open')),
      'Open',
    );
    assert.throws(
      () =>
        l10n.inEnglish(() => {
          throw new Error(l10n.t('Open'));
        }),
      /^Error: Open$/,
    );
    assert.equal(l10n.t('Open'), 'Öffnen');
  });

  it('looks into the bundle only', () => {
    assert.equal(l10n.t('constructor'), 'constructor');
    assert.equal(l10n.t('toString'), 'toString');
  });

  it('comes in pieces around values that are no text', () => {
    const link = { href: '#' };
    assert.deepEqual(l10n.pieces('See {0}.', link), ['See ', link, '.']);
    l10n.useBundle({ 'See {0}.': '{0} ansehen.' });
    assert.deepEqual(l10n.pieces('See {0}.', link), [link, ' ansehen.']);
    assert.equal(l10n.words('See {0}.'), '{0} ansehen.');
  });
});

describe('a sentence that is made in English', () => {
  afterEach(() => l10n.useBundle({}));

  const bundle = {
    'needs {0}/known': 'braucht {0}',
    'input Grams/known': 'Gram-Matrizen',
    '{0} of {1} is too large/known': '{0} von {1} ist zu groß',
    'is too large/known': 'ist zu groß',
    Open: 'Öffnen',
  };

  it('stays English where it is made, and is translated where it is shown', () => {
    l10n.useBundle(bundle);
    const said = l10n.english('needs {0}', l10n.english('input Grams'));
    assert.equal(said, 'needs input Grams');
    assert.equal(l10n.known(said), 'braucht Gram-Matrizen');
    assert.equal(l10n.known('is too large'), 'ist zu groß');
    assert.equal(l10n.known('12 of a.weight is too large'), '12 von a.weight ist zu groß');
  });

  it('is told from everything else, which stays as it is', () => {
    l10n.useBundle(bundle);
    for (const text of ['Open', 'needs ', 'is too large!', ' of x is too large', 'needs']) {
      assert.equal(l10n.known(text), text);
    }
    assert.equal(l10n.known('needs Open'), 'braucht Open', 'a value that is one word may be a name');
  });

  it('is English again with another bundle', () => {
    l10n.useBundle(bundle);
    assert.equal(l10n.known('input Grams'), 'Gram-Matrizen');
    l10n.useBundle({});
    assert.equal(l10n.known('input Grams'), 'input Grams');
  });

  it('is found in time that grows with the text, whatever that is', () => {
    l10n.useBundle({ '{0} a {1} a {2} a {3} a {4} b/known': '{0}{1}{2}{3}{4}' });
    const text = ' a'.repeat(200_000);
    assert.equal(l10n.known(text), text);
  });
});

describe('a bundle in a page', () => {
  it('can neither end its element nor begin a comment', () => {
    const bundle = { a: '</script><!-- <script>' };
    const text = translationsElement(bundle);
    assert.equal(text.match(/</g)?.length, 2, text);
    const json = /^<script type="application\/json" id="translations">(.*)<\/script>$/.exec(text)?.[1];
    assert.deepEqual(parseBundle(json!), bundle);
  });

  it('is not there in English', () => assert.equal(translationsElement(undefined), ''));

  it('is refused if it is no list of texts', () => {
    for (const text of ['[1]', 'null', '"a"', '{"a": {"b": "c"}}']) assert.throws(() => parseBundle(text), Error, text);
  });
});
