/** What cannot be run is refused by name, and damage is told with block and window. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DecoderError } from '../../../extension/decoder/decoderError';
import { passBlocks } from '../../../extension/decoder/pass/blockPass';
import type { PassProgress } from '../../../extension/decoder/pass/passListener';
import { replacing } from '../../../extension/decoder/weights/weightSource';
import { onnxruntimeExists } from '../../harness/onnxruntime';
import { temporaryFolder } from '../../harness/temporaryFolder';
import { expectedOf, GOLDEN, ourLogits, withDecoder, withSessions } from './decoderModels';

describe('decoders that cannot be run', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const llama = path.join(GOLDEN, 'llama');
  let copies = 0;

  /** A copy of a kept model with another configuration. */
  function changed(change: Record<string, unknown>, of = 'llama'): string {
    const copy = path.join(folder, `copy${copies++}`);
    cpSync(path.join(GOLDEN, of), copy, { recursive: true });
    const file = path.join(copy, 'config.json');
    const config = { ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change };
    writeFileSync(file, JSON.stringify(config));
    return copy;
  }

  const refused = (file: string, code: string, message: RegExp): Promise<void> =>
    assert.rejects(
      withDecoder(file, async (decoder) => {
        const { windows } = await expectedOf(llama);
        if (onnxruntimeExists) await ourLogits(decoder, windows);
      }),
      (error) => error instanceof DecoderError && error.code === code && message.test(error.message),
    );

  it('names an unknown kind of model, and what is known', async () => {
    await refused(
      changed({ model_type: 'mamba' }),
      'unknown-family',
      /type mamba cannot be run here; known are llama, /,
    );
    await refused(changed({ model_type: undefined }), 'unknown-family', /says no model_type/);
  });

  it('says that a configuration is missing, or lacks something', async () => {
    const copy = path.join(folder, 'bare');
    mkdirSync(copy);
    cpSync(path.join(llama, 'model.safetensors'), path.join(copy, 'model.safetensors'));
    await refused(copy, 'invalid-config', /there is no config\.json beside it/);
    await refused(changed({ num_hidden_layers: undefined }), 'invalid-config', /lacks num_hidden_layers/);
    await refused(changed({ hidden_size: 'many' }), 'invalid-config', /has "many" as hidden_size/);
  });

  it('names options that are not computed', async () => {
    const rope = { rope_type: 'spiral', rope_theta: 10_000 };
    await refused(changed({ rope_parameters: rope }), 'unsupported', /rotary embeddings of the type spiral/);
    await refused(changed({ hidden_act: 'mish' }), 'unsupported', /the activation mish/);
    await refused(changed({ num_key_value_heads: 3 }), 'unsupported', /4 heads of queries for 3 of keys/);
    await refused(
      changed({ layer_types: ['linear_attention', 'full_attention'] }, 'gemma3'),
      'unsupported',
      /layer type linear_attention/,
    );
  });

  if (!onnxruntimeExists) return;

  it('names weights that are missing or of other sizes', async () => {
    await refused(
      changed({ num_hidden_layers: 3 }),
      'missing-weights',
      /has no model\.layers\.2\.self_attn\.q_proj\.weight/,
    );
    await refused(
      changed({ head_dim: 6 }),
      'missing-weights',
      /q_proj\.weight is 16 × 16 \(out × in\), but .* 24 × 16/,
    );
    await refused(changed({ attention_bias: true }), 'missing-weights', /has no .*q_proj\.bias/);
  });

  it('refuses tokens that are not the model’s', () =>
    withDecoder(llama, async (decoder) => {
      const windows = (...ids: number[][]): Int32Array[] => ids.map((each) => Int32Array.from(each));
      const rejected = (ids: Int32Array[], message: RegExp): Promise<void> =>
        assert.rejects(
          ourLogits(decoder, ids),
          (error) => error instanceof DecoderError && message.test(error.message),
        );
      await rejected(windows([1, 2, 3], [4, 48, 5]), /token 2 of window 2 is 48, but the model has ids from 0 to 47/);
      await rejected(windows([1, -1]), /token 2 of window 1 is -1/);
      await rejected(windows([1]), /at least 2 tokens/);
      await rejected(windows([1, 2], [1, 2, 3]), /window 2 has 3 tokens, and the first 2/);
    }));

  it('refuses windows beyond learned positions', () =>
    withDecoder(path.join(GOLDEN, 'gpt2'), (decoder) =>
      assert.rejects(ourLogits(decoder, [new Int32Array(65)]), /the model has 64 positions, and windows of 65 tokens/),
    ));

  it('names the block and the window in which NaN appears', () =>
    withDecoder(llama, async (decoder) => {
      // The embedding of one token that only the second window has. Its scores are NaN for all tokens of that window.
      const source = replacing(decoder.weights, () => undefined);
      const damaged = {
        ...source,
        table: async (...args: Parameters<typeof source.table>) => {
          const table = await source.table(...args);
          const at = (7 - args[1].start) * 16;
          if (at >= 0 && at < table.length) table[at] = NaN;
          return table;
        },
      };
      const windows = [Int32Array.of(1, 2, 3), Int32Array.of(4, 7, 5)];
      await assert.rejects(
        ourLogits(decoder, windows, damaged),
        /model\.layers\.0: its output is NaN at token \d of window 2; its weights hold NaN/,
      );
    }));

  it('stops between blocks', () =>
    withDecoder(llama, async ({ description, weights }) => {
      const { windows } = await expectedOf(llama);
      const stop = new AbortController();
      const seen: PassProgress[] = [];
      const progress = (at: PassProgress): void => {
        seen.push(at);
        stop.abort(new Error('stopped here'));
      };
      await withSessions((sessions) =>
        assert.rejects(
          passBlocks(description, weights, windows, { sessions, signal: stop.signal, listener: { progress } }),
          /stopped here/,
        ),
      );
      assert.deepEqual(seen, [{ block: 0, blocks: 2, window: 2, windows: 2 }]);
    }));
});
