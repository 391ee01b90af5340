/** Ids of texts by the tokenizer in a folder, against Hugging Face's libraries. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { folderTokenizer } from '../../../../extension/decoder/tokens/folderTokenizer';
import { repositoryRoot } from '../../../harness/shared';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { goldenModel, goldenTokenizers } from '../../../harness/tokens/goldenTokens';

const GOLDEN = path.join(repositoryRoot, 'test', 'golden', 'tokens');
const END_OF_TEXT = '<|endoftext|>';

describe('tokenizer of a folder', () => {
  const parent = temporaryFolder();
  const { texts, tokenizers } = goldenTokenizers();
  const golden = (name: string): (typeof tokenizers)[number] => tokenizers.find((one) => one.name === name)!;

  const folderOf = (files: Readonly<Record<string, object | string>>): string => {
    const folder = path.join(parent, 'model');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return folder;
  };

  const idsIn = async (folder: string): Promise<number[][]> => {
    const tokenizer = await folderTokenizer(folder);
    const { start, end } = tokenizer.affixes;
    return texts.map((text) => [...start, ...tokenizer.encode(text), ...end]);
  };

  const wordsAndMerges = (): Record<string, object | string> => {
    const { vocab, merges } = goldenModel('bytes');
    const lines = merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
    const words = { ...vocab, [END_OF_TEXT]: Object.keys(vocab).length };
    return { 'vocab.json': words, 'merges.txt': `#version: 0.2\n${lines.join('\n')}\n` };
  };

  it('is that of tokenizer.json, which alone says what stands around a text', async () => {
    const { json, ids } = golden('llama2');
    const config = { tokenizer_class: 'LlamaTokenizer', add_bos_token: false, bos_token: '<s>' };
    assert.deepEqual(await idsIn(folderOf({ 'tokenizer.json': json, 'tokenizer_config.json': config })), ids);
  });

  it('has the tokens that the configuration adds', async () => {
    const { json, ids } = golden('gpt2');
    const added = { 560: { content: END_OF_TEXT, special: true, normalized: false } };
    const files = {
      'tokenizer.json': { ...json, added_tokens: [] },
      'tokenizer_config.json': { added_tokens_decoder: added },
    };
    assert.deepEqual(await idsIn(folderOf(files)), ids);
  });

  it('is GPT-2’s with vocab.json and merges.txt', async () => {
    const folder = folderOf({ ...wordsAndMerges(), 'config.json': { model_type: 'gpt2' } });
    assert.deepEqual(await idsIn(folder), golden('gpt2').ids);
  });

  it('begins as OPT’s does where the configuration says so', async () => {
    const config = { tokenizer_class: 'GPT2Tokenizer', add_bos_token: true, bos_token: { content: END_OF_TEXT } };
    const folder = folderOf({ ...wordsAndMerges(), 'tokenizer_config.json': config });
    const expected = golden('gpt2').ids.map((ids) => [560, ...ids]);
    assert.deepEqual(await idsIn(folder), expected);
  });

  it('is Qwen2’s with vocab.json and merges.txt', async () => {
    const folder = folderOf({ ...wordsAndMerges(), 'tokenizer_config.json': { tokenizer_class: 'Qwen2Tokenizer' } });
    assert.deepEqual(await idsIn(folder), golden('qwen2').ids);
  });

  it('is transformers’ LlamaTokenizer with tokenizer.model', async () => {
    const cases = JSON.parse(readFileSync(path.join(GOLDEN, 'sentencePiece.json'), 'utf8')) as {
      configuration: object;
      ids: number[][];
    }[];
    for (const { configuration, ids } of cases) {
      const folder = folderOf({ 'tokenizer_config.json': configuration });
      copyFileSync(path.join(GOLDEN, 'sentencePiece.model'), path.join(folder, 'tokenizer.model'));
      const found = await idsIn(folder);
      texts.forEach((text, i) => assert.deepEqual(found[i], ids[i], JSON.stringify(text)));
    }
  });

  it('refuses a SentencePiece model that is cut short, or is none', async () => {
    const folder = folderOf({});
    const bytes = readFileSync(path.join(GOLDEN, 'sentencePiece.model'));
    writeFileSync(path.join(folder, 'tokenizer.model'), bytes.subarray(0, bytes.length - 40));
    await assert.rejects(folderTokenizer(folder), /tokenizer\.model, .*the file ends at byte/);
    writeFileSync(path.join(folder, 'tokenizer.model'), '');
    await assert.rejects(folderTokenizer(folder), /has no pieces of SentencePiece/);
  });

  it('refuses other kinds of SentencePiece by name, and says what to do', async () => {
    const folder = folderOf({});
    // A piece "a" and a trainer of the kind 1.
    const bytes = Buffer.from([0x0a, 3, 0x0a, 1, 0x61, 0x12, 2, 0x18, 1]);
    writeFileSync(path.join(folder, 'tokenizer.model'), bytes);
    await assert.rejects(
      folderTokenizer(folder),
      /is SentencePiece of the kind Unigram.*put a tokenizer\.json beside it/,
    );
  });

  it('refuses words and merges of a class that is not known', async () => {
    const folder = folderOf({ ...wordsAndMerges(), 'tokenizer_config.json': { tokenizer_class: 'CLIPTokenizer' } });
    await assert.rejects(folderTokenizer(folder), /cuts texts as CLIPTokenizer does.*save_pretrained/);
  });

  it('says what is missing', async () => {
    await assert.rejects(
      folderTokenizer(folderOf({})),
      /has no tokenizer \(tokenizer\.json, .*tokenizer\.model\); put the model’s/,
    );
    const { json } = golden('gpt2');
    await assert.rejects(
      folderTokenizer(folderOf({ 'tokenizer.json': { ...json, model: undefined } })),
      /has no "model"/,
    );
    await assert.rejects(folderTokenizer(folderOf({ 'tokenizer.json': '{"model":' })), /tokenizer\.json: is not JSON/);
  });

  it('refuses steps that are not known, by name', async () => {
    const { json } = golden('gpt2');
    const refused = async (change: object, reason: RegExp): Promise<void> => {
      await assert.rejects(folderTokenizer(folderOf({ 'tokenizer.json': { ...json, ...change } })), reason);
    };
    await refused(
      { normalizer: { type: 'Precompiled', precompiled_charsmap: '' } },
      /normalises by Precompiled.*give token ids/,
    );
    await refused({ pre_tokenizer: { type: 'UnicodeScripts' } }, /splits by UnicodeScripts/);
    const split = { type: 'Split', pattern: { Regex: 'a' }, behavior: 'MergedWithNext', invert: true };
    await refused({ pre_tokenizer: split }, /the behavior MergedWithNext, inverted/);
    await refused(
      { model: { ...(json['model'] as object), dropout: 0.1 } },
      /leaves out merges by chance \(dropout 0\.1\)/,
    );
    const whole = { id: 1, content: 'word', single_word: true };
    await refused({ added_tokens: [whole] }, /the added token "word", which counts as a whole word only/);
    await refused(
      { model: { type: 'BPE', vocab: { a: -1 }, merges: [] } },
      /the vocabulary of its model \(BPE\) is not one/,
    );
    const broken = { type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated', invert: false };
    await refused({ pre_tokenizer: broken }, /is a tokenizer that cannot be run here \(/);
  });
});
