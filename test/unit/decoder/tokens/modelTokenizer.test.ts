/** Which tokenizer belongs to a checkpoint. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { modelTokenizer } from '../../../../extension/decoder/tokens/modelTokenizer';
import { GgufWriter, VALUE } from '../../../harness/checkpoints/ggufWriter';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { goldenTokenizers } from '../../../harness/tokens/goldenTokens';

describe('tokenizer of a checkpoint', () => {
  const folder = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  const { json } = goldenTokenizers().tokenizers[0]!;
  const writer = new GgufWriter();

  before(() => writeFileSync(at('tokenizer.json'), JSON.stringify(json)));

  it('lies in the folder of its files', async () => {
    const file = at('model.safetensors');
    const { file: found } = await modelTokenizer({ format: 'safetensors', path: file, files: [file] });
    assert.equal(found, at('tokenizer.json'));
  });

  it('is the GGUF’s own, and the folder’s where that carries none', async () => {
    const file = at('model.gguf');
    const checkpoint = { format: 'gguf', path: file, files: [file] };
    writeFileSync(file, writer.file({}));
    assert.equal((await modelTokenizer(checkpoint)).file, at('tokenizer.json'));
    writeFileSync(file, writer.file({ pairs: [writer.pair('tokenizer.ggml.model', VALUE.TEXT, 'bert')] }));
    await assert.rejects(modelTokenizer(checkpoint), /model\.gguf: "tokenizer\.ggml\.tokens" is no list of texts/);
  });
});
