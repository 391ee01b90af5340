/** Ids of random texts, against Hugging Face's `tokenizers` where a Python has it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { TextTokenizer } from '../../extension/decoder/tokens/textTokenizer';
import { tokenizerForm } from '../../extension/decoder/tokens/tokenizerForm';
import { mulberry32 } from '../../extension/spectral/seededRandom';
import { pythonWith } from '../harness/python';
import { repositoryRoot } from '../harness/shared';
import { temporaryFolder } from '../harness/temporaryFolder';
import { goldenTokenizers } from '../harness/tokens/goldenTokens';
import { madeText } from '../harness/tokens/madeText';

const TEXTS = 150;

describe('ids of random texts', () => {
  const folder = temporaryFolder();
  const python = pythonWith('tokenizers');
  const random = mulberry32(11);
  const texts = Array.from({ length: TEXTS }, () => madeText(random, 1 + Math.floor(random() * 300)));

  for (const { name, json } of goldenTokenizers().tokenizers) {
    it(`are those of Hugging Face's library: ${name}`, () => {
      if (python === undefined) {
        console.log('        no Python with tokenizers (EIGENSCOPE_PYTHON names one): not compared');
        return;
      }
      const file = path.join(folder, 'tokenizer.json');
      writeFileSync(file, JSON.stringify({ version: '1.0', truncation: null, padding: null, decoder: null, ...json }));
      const script = path.join(repositoryRoot, 'test/golden/tokens/makeTokens.py');
      const { stdout, stderr, status } = spawnSync(python, [script, 'ids', file], {
        input: JSON.stringify(texts),
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      });
      assert.equal(status, 0, stderr);
      const expected = JSON.parse(stdout) as number[][];
      const tokenizer = new TextTokenizer({ file, form: tokenizerForm(json, file) });
      const { start, end } = tokenizer.affixes;
      texts.forEach((text, i) => {
        assert.deepEqual([...start, ...tokenizer.encode(text), ...end], expected[i], JSON.stringify(text));
      });
    });
  }
});
