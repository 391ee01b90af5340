/** Ids of a text in pieces, against those of the whole text. */
import assert from 'node:assert/strict';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';
import { TextCuts } from '../../../../extension/decoder/tokens/textCuts';
import { idsOfParts } from '../../../../extension/decoder/tokens/textIds';
import { TextTokenizer } from '../../../../extension/decoder/tokens/textTokenizer';
import { tokenizerForm } from '../../../../extension/decoder/tokens/tokenizerForm';
import { goldenTokenizers } from '../../../harness/tokens/goldenTokens';
import { madeText } from '../../../harness/tokens/madeText';

async function* inParts(text: string, random: () => number): AsyncGenerator<string> {
  for (let at = 0; at < text.length;) {
    const size = 1 + Math.floor(random() * 700);
    yield await Promise.resolve(text.slice(at, at + size));
    at += size;
  }
}

describe('ids of a text in pieces', () => {
  for (const { name, json } of goldenTokenizers().tokenizers) {
    it(`are those of the whole text: ${name}`, async function () {
      this.timeout(120_000);
      const tokenizer = new TextTokenizer({ file: name, form: tokenizerForm(json, name) });
      const cuts = new TextCuts(tokenizer);
      let pieces = 0;
      for (let seed = 0; seed < 6; seed++) {
        const random = mulberry32(seed);
        const text = madeText(random, 4000);
        const found: number[] = [];
        for await (const ids of idsOfParts(tokenizer, inParts(text, random), { file: name, cuts, piece: 300 })) {
          found.push(...ids);
          pieces++;
        }
        assert.deepEqual(found, tokenizer.encode(text), `seed ${seed}`);
      }
      assert.ok(pieces > 24, `${pieces} pieces`);
    });
  }

  it('refuse a text without a place to cut at', async () => {
    const { json } = goldenTokenizers().tokenizers[0]!;
    const tokenizer = new TextTokenizer({ file: 'tokenizer.json', form: tokenizerForm(json, 'tokenizer.json') });
    const dots = async function* (): AsyncGenerator<string> {
      for (let i = 0; i < 40; i++) yield await Promise.resolve('.'.repeat(100_000));
    };
    const ids = idsOfParts(tokenizer, dots(), { file: 'dots.txt', cuts: new TextCuts(tokenizer) });
    await assert.rejects(
      ids.next(),
      /dots\.txt: has \d+ characters .*without a line that begins with a letter.*; break it into lines/,
    );
  });
});
