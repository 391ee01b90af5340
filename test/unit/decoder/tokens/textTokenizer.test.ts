/** Ids of texts, against what Hugging Face's `tokenizers` gives for tokenizers of every kind. */
import assert from 'node:assert/strict';
import { TextTokenizer } from '../../../../extension/decoder/tokens/textTokenizer';
import { tokenizerForm } from '../../../../extension/decoder/tokens/tokenizerForm';
import { goldenTokenizers } from '../../../harness/tokens/goldenTokens';

describe('text tokenizer', () => {
  const { texts, tokenizers } = goldenTokenizers();
  for (const { name, json, ids } of tokenizers) {
    it(`gives the ids of Hugging Face's library: ${name}`, () => {
      const tokenizer = new TextTokenizer({ file: name, form: tokenizerForm(json, name) });
      const found = texts.map((text) => [
        ...tokenizer.affixes.start,
        ...tokenizer.encode(text),
        ...tokenizer.affixes.end,
      ]);
      texts.forEach((text, i) => assert.deepEqual(found[i], ids[i], JSON.stringify(text)));
    });
  }
});
