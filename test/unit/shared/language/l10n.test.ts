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
