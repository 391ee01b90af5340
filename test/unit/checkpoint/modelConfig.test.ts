/** What a model's configuration says of its sizes, and what it is not believed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { ModelConfig, readModelConfig } from '../../../extension/checkpoint/modelConfig';
import { temporaryFolder } from '../../harness/temporaryFolder';

const sizes = (fields: Record<string, unknown>, tensor = 'w') => new ModelConfig('config.json', fields).sizesOf(tensor);

describe('a model’s configuration', () => {
  const folder = temporaryFolder();
  const file = path.join(folder, 'model.safetensors');
  const checkpoint = (format = 'safetensors', metadata: Record<string, string> = {}): Checkpoint => ({
    ...{ path: file, files: [file], format, metadata, tensors: [], problems: [] },
    read: () => Promise.reject(new Error('nothing is read')),
    close: () => Promise.resolve(),
  });
  const written = (text: string): Promise<ModelConfig> => {
    writeFileSync(path.join(folder, 'config.json'), text);
    return readModelConfig(checkpoint());
  };

  it('knows the names that models have for their sizes', () => {
    const expected = { type: 'x', hidden: 24, heads: 6, headSize: 4, keyValueHeads: 6, valueHeadSize: 4 };
    assert.deepEqual(sizes({ model_type: 'x', hidden_size: 24, num_attention_heads: 6 }), expected);
    assert.deepEqual(sizes({ model_type: 'X', n_embd: 24, n_head: 6 }), expected);
    assert.deepEqual(sizes({ model_type: 'x', d_model: 24, num_heads: 6, d_kv: 5 }), {
      ...{ ...expected, headSize: 5, valueHeadSize: 5 },
    });
    const whisper = { d_model: 24, encoder_attention_heads: 6, decoder_attention_heads: 3 };
    assert.equal(sizes(whisper, 'model.encoder.layers.0.self_attn.q_proj.weight').heads, 6);
    assert.equal(sizes(whisper, 'model.decoder.layers.0.self_attn.q_proj.weight').heads, 3);
  });

  it('takes the part of the model that the tensor is in', () => {
    const fields = {
      model_type: 'llava',
      text_config: { model_type: 'llama', hidden_size: 64, num_attention_heads: 8 },
      vision_config: { hidden_size: 32, num_attention_heads: 2 },
    };
    const text = sizes(fields, 'language_model.layers.0.self_attn.q_proj.weight');
    assert.deepEqual([text.type, text.heads, text.headSize], ['llama', 8, 8]);
    const vision = sizes(fields, 'vision_tower.encoder.layers.0.self_attn.q_proj.weight');
    assert.deepEqual([vision.type, vision.heads, vision.headSize], ['llava', 2, 16]);
  });

  it('is not led astray by what is no size', () => {
    for (const value of [0, -1, 1.5, 1e300, NaN, '8', null, [8], { 8: 8 }, true]) {
      const found = sizes({ hidden_size: value, num_attention_heads: value, head_dim: value, attn_config: value });
      assert.deepEqual(found, {}, JSON.stringify(value));
    }
    assert.equal(sizes({ hidden_size: 25, num_attention_heads: 6 }).headSize, undefined);
    assert.deepEqual(sizes(JSON.parse('{"__proto__": {"hidden_size": 24}}') as Record<string, unknown>), {});
  });

  it('is empty where there is no file, and says why where it cannot be read', async () => {
    const missing = await readModelConfig(checkpoint());
    assert.deepEqual([missing.fields, missing.problem, missing.tied], [{}, undefined, false]);
    for (const text of ['', '{', '[]', 'null', '{"a":', '"x"', '\0']) {
      const broken = await written(text);
      assert.deepEqual(broken.fields, {});
      assert.match(broken.problem ?? '', /config\.json/, text);
    }
    const deep = await written(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
    assert.deepEqual(deep.sizesOf('w'), {});
    const huge = await written(`{"a": "${'x'.repeat(5 * 1024 * 1024)}"}`);
    assert.match(huge.problem ?? '', /more than/);
  });

  it('is GGUF’s own metadata in a GGUF file', async () => {
    const config = await readModelConfig(
      checkpoint('gguf', {
        'general.architecture': 'llama',
        'llama.embedding_length': '64',
        'llama.attention.head_count': '8',
        'llama.attention.head_count_kv': '4',
        'qwen2.attention.head_count': '2',
      }),
    );
    const expected = { type: 'llama', hidden: 64, heads: 8, keyValueHeads: 4, headSize: 8, valueHeadSize: 8 };
    assert.deepEqual(config.sizesOf('blk.0.attn_q.weight'), expected);
    const perBlock = { 'general.architecture': 'llama', 'llama.attention.head_count': '[8, 4]' };
    const sizesPerBlock = (await readModelConfig(checkpoint('gguf', perBlock))).sizesOf('blk.0.attn_q.weight');
    assert.deepEqual(sizesPerBlock, { type: 'llama' });
    assert.deepEqual((await readModelConfig(checkpoint('gguf'))).sizesOf('w'), {});
  });

  it('tells whether the output matrix is the embedding', () => {
    const tied = (fields: Record<string, unknown>): boolean => new ModelConfig('config.json', fields).tied;
    assert.equal(tied({ tie_word_embeddings: true }), true);
    assert.equal(tied({ text_config: { tie_word_embeddings: true } }), true);
    assert.equal(tied({ tie_word_embeddings: 'true' }), false);
    assert.equal(tied({}), false);
  });
});
