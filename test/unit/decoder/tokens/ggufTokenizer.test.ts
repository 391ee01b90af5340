/** Ids of texts by vocabularies in GGUF files, against llama.cpp's. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { ggufTokenizer } from '../../../../extension/decoder/tokens/ggufTokenizer';
import type { TextTokenizer } from '../../../../extension/decoder/tokens/textTokenizer';
import { GgufWriter, VALUE, type GgufPair } from '../../../harness/checkpoints/ggufWriter';
import { sharedFolder } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { goldenModel, goldenTokenizers, inOrder, llamaCppIds } from '../../../harness/tokens/goldenTokens';

describe('tokenizer of a GGUF file', () => {
  const folder = temporaryFolder();
  const { texts } = goldenTokenizers();
  const expected = llamaCppIds();

  const allIds = ({ affixes, ...tokenizer }: TextTokenizer, encode: (text: string) => number[]): number[][] => {
    assert.ok(tokenizer.size > 0);
    return texts.map((text) => [...affixes.start, ...encode(text), ...affixes.end]);
  };

  const written = (pairs: readonly GgufPair[], bigEndian = false): string => {
    const file = path.join(folder, 'vocabulary.gguf');
    writeFileSync(file, new GgufWriter(bigEndian).file({ pairs: [...pairs] }));
    return file;
  };

  for (const kind of ['llama-bpe', 'gpt-2', 'qwen2', 'smollm', 'default', 'falcon', 'deepseek-v3']) {
    it(`gives llama.cpp's ids where texts are cut as ${kind}`, async () => {
      const tokenizer = await ggufTokenizer(written(bytesPairs(kind)));
      assert.deepEqual(
        allIds(tokenizer, (text) => tokenizer.encode(text)),
        expected[kind],
      );
    });
  }

  for (const bigEndian of [false, true]) {
    it(`gives llama.cpp's ids for SentencePiece, ${bigEndian ? 'big' : 'little'}-endian`, async () => {
      const tokenizer = await ggufTokenizer(written(piecesPairs(bigEndian), bigEndian));
      assert.deepEqual(
        allIds(tokenizer, (text) => tokenizer.encode(text)),
        expected['pieces'],
      );
    });
  }

  it('gives llama.cpp’s ids for a real model', async function () {
    if (!sharedFolder) return this.skip();
    const file = path.join(sharedFolder, 'checkpoints', 'stories260K-llama', 'stories260K.gguf');
    const tokenizer = await ggufTokenizer(file);
    assert.equal(tokenizer.size, 512);
    assert.deepEqual(
      allIds(tokenizer, (text) => tokenizer.encode(text)),
      expected['stories260K'],
    );
  });

  it('puts no space in front where the file says so', async () => {
    const writer = new GgufWriter();
    const no = writer.pair('tokenizer.ggml.add_space_prefix', VALUE.BOOL, 0);
    const bare = await ggufTokenizer(written([...piecesPairs(false), no]));
    const prefixed = await ggufTokenizer(written(piecesPairs(false)));
    assert.deepEqual(bare.encode(' a'), prefixed.encode('a'));
    assert.notDeepEqual(bare.encode('a'), prefixed.encode('a'));
  });

  it('refuses ways to cut texts and kinds of tokenizers that are not known, by name', async () => {
    await assert.rejects(
      ggufTokenizer(written(bytesPairs('klingon'))),
      /"klingon" \("tokenizer\.ggml\.pre"\).*give token ids/,
    );
    const other = bytesPairs('gpt-2').filter(({ key }) => key !== 'tokenizer.ggml.model');
    const named = new GgufWriter().pair('tokenizer.ggml.model', VALUE.TEXT, 'rwkv');
    await assert.rejects(ggufTokenizer(written([...other, named])), /of the kind "rwkv"/);
  });

  it('says that a file carries none', async () => {
    await assert.rejects(ggufTokenizer(written([])), /carries no tokenizer; .*"tokenizer\.ggml\.model".*token ids/);
  });

  it('refuses types and scores that are not one a token, and ids of none', async () => {
    const writer = new GgufWriter();
    const without = (key: string): GgufPair[] => piecesPairs(false).filter((pair) => !pair.key.endsWith(key));
    const short = {
      key: 'tokenizer.ggml.scores',
      type: VALUE.ARRAY,
      value: writer.array(VALUE.F32, [writer.number(VALUE.F32, 1)]),
    };
    await assert.rejects(ggufTokenizer(written([...without('scores'), short])), /scores" has not one number a token/);
    const far = writer.pair('tokenizer.ggml.bos_token_id', VALUE.U32, 9999);
    await assert.rejects(
      ggufTokenizer(written([...without('bos_token_id'), far])),
      /bos_token_id" is 9999, and there are \d+ tokens/,
    );
  });
});

const NORMAL = 1;
const [UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [2, 3, 4, 6];

/** As test/golden/tokens/makeGguf.py writes them. */
function bytesPairs(kind: string): GgufPair[] {
  const { vocab, merges } = goldenModel('bytes');
  const tokens = inOrder(vocab);
  const types = [...tokens.map(() => NORMAL), CONTROL, CONTROL, CONTROL, USER_DEFINED];
  const { pair, texts, numbers } = pairWriter(false);
  return [
    pair('model', VALUE.TEXT, 'gpt2'),
    pair('pre', VALUE.TEXT, kind),
    texts('tokens', [...tokens, '<s>', '</s>', '<|endoftext|>', 'special']),
    numbers('token_type', VALUE.I32, types),
    texts(
      'merges',
      merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    ),
    pair('bos_token_id', VALUE.U32, tokens.length),
    pair('eos_token_id', VALUE.U32, tokens.length + 1),
  ];
}

function piecesPairs(bigEndian: boolean): GgufPair[] {
  const tokens = inOrder(goldenModel('pieces').vocab);
  const types = tokens.map((_, id) => (id === 0 ? UNKNOWN : id < 3 ? CONTROL : id < 259 ? BYTE : NORMAL));
  const { pair, texts, numbers } = pairWriter(bigEndian);
  return [
    pair('model', VALUE.TEXT, 'llama'),
    texts('tokens', tokens),
    // Every third piece has the score of the one before: equals are joined from the left.
    numbers(
      'scores',
      VALUE.F32,
      tokens.map((_, id) => -(id - (id % 3))),
    ),
    numbers('token_type', VALUE.I32, types),
    pair('bos_token_id', VALUE.U32, 1),
    pair('unknown_token_id', VALUE.U32, 0),
  ];
}

interface PairWriter {
  readonly pair: (key: string, type: number, value: number | string) => GgufPair;
  readonly texts: (key: string, items: readonly string[]) => GgufPair;
  readonly numbers: (key: string, type: number, items: readonly number[]) => GgufPair;
}

function pairWriter(bigEndian: boolean): PairWriter {
  const writer = new GgufWriter(bigEndian);
  const array = (key: string, type: number, items: readonly Uint8Array[]): GgufPair => {
    return { key: `tokenizer.ggml.${key}`, type: VALUE.ARRAY, value: writer.array(type, items) };
  };
  return {
    pair: (key, type, value) => writer.pair(`tokenizer.ggml.${key}`, type, value),
    texts: (key, items) =>
      array(
        key,
        VALUE.TEXT,
        items.map((text) => writer.text(text)),
      ),
    numbers: (key, type, items) =>
      array(
        key,
        type,
        items.map((item) => writer.number(type, item)),
      ),
  };
}
