/** Tied weights: found, marked, counted and computed once. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { outputIsTied } from '../../extension/checkpoint/wrappers/tiedEmbeddings';
import { Engine } from '../../extension/engine/engine';
import type { LayerResult } from '../../extension/shared/layers';
import { commandLine } from '../harness/commandLine';
import { randomMatrix } from '../harness/numbers/denseReference';
import { safetensorsBytes, type FixtureTensor } from '../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../harness/temporaryFolder';

const WORDS = 90;
const WIDTH = 16;

function tensor(name: string, values: Float64Array, shape = [WORDS, WIDTH]): FixtureTensor {
  return { name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

const embedding = randomMatrix(WORDS, WIDTH, 1);
const other = randomMatrix(WIDTH, WIDTH, 2);

describe('tied weights', () => {
  const folder = temporaryFolder();
  let count = 0;

  /** A model of an embedding, a layer and an output matrix. @returns its path */
  function model(output: Float64Array, config: unknown, shape = [WORDS, WIDTH], name = 'lm_head.weight'): string {
    const place = path.join(folder, String(count++));
    mkdirSync(place);
    const file = path.join(place, 'model.safetensors');
    const tensors = [tensor(name, output, shape), tensor('model.embed_tokens.weight', embedding)];
    writeFileSync(file, safetensorsBytes([...tensors, tensor('model.layers.0.mlp.weight', other, [WIDTH, WIDTH])]));
    if (config !== undefined) writeFileSync(path.join(place, 'config.json'), JSON.stringify(config));
    return file;
  }

  async function opened<T>(file: string, look: (engine: Engine, document: string) => Promise<T> | T): Promise<T> {
    const options = { cacheFolder: undefined, threads: 1, memoryLimit: 2 ** 30, device: 'cpu' } as const;
    const engine = new Engine({ ...options, notify: () => undefined });
    try {
      return await look(engine, (await engine.documents.open(file)).handle);
    } finally {
      await engine.dispose();
    }
  }

  const sharedWith = (file: string): Promise<(string | undefined)[]> =>
    opened(file, (engine, handle) => engine.documents.get(handle).summary.tensors.map((info) => info.sharedWith));

  it('a copy of the embedding that the configuration ties counts once in parameters, size and types', async () => {
    const file = model(embedding, { tie_word_embeddings: true });
    await opened(file, (engine, handle) => {
      const { parameters, bytes, dtypes, tensors, architecture } = engine.documents.get(handle).summary;
      const counted = WORDS * WIDTH + WIDTH * WIDTH;
      assert.deepEqual([parameters, bytes, dtypes], [counted, 4 * counted, [{ dtype: 'F32', parameters: counted }]]);
      assert.deepEqual(
        tensors.map((info) => [info.name, info.sharedWith]),
        [
          ['lm_head.weight', 'model.embed_tokens.weight'],
          ['model.embed_tokens.weight', undefined],
          ['model.layers.0.mlp.weight', undefined],
        ],
      );
      assert.match(architecture, /output tied to the embedding/);
    });
  });

  it('is computed once, and takes no part in what is said of the whole model', () => {
    const file = model(embedding, { text_config: { tie_word_embeddings: true } });
    const { stdout } = commandLine(folder)('inspect', file, '--no-farms', '--json');
    const { layers } = JSON.parse(stdout) as { layers: LayerResult[] };
    const [tied, first, third] = layers as [LayerResult, LayerResult, LayerResult];
    assert.deepEqual(
      layers.map(({ tiedWith }) => tiedWith),
      ['model.embed_tokens.weight', undefined, undefined],
    );
    // All numbers, the time that they took among them. WeLore shares a budget among the weights that there are.
    const { welore, ...ranks } = first.ranks;
    assert.ok(welore && third.ranks.welore);
    const own = { name: 'lm_head.weight', tensor: 'lm_head.weight', tiedWith: 'model.embed_tokens.weight' };
    assert.deepEqual(tied, { ...first, ranks, ...own });
  });

  it('a copy is tied where the configuration leaves it at the default, which it then does not say', async () => {
    const tied = ['model.embed_tokens.weight', undefined, undefined];
    assert.deepEqual(await sharedWith(model(embedding, { model_type: 'gpt2' })), tied);
    for (const name of ['lm_head.decoder.weight', 'proj_out.weight']) {
      assert.deepEqual(await sharedWith(model(embedding, { model_type: 'roberta' }, undefined, name)), tied, name);
    }
    // Llama's default is another one.
    assert.equal((await sharedWith(model(embedding, { model_type: 'llama' })))[0], undefined);
    const apart = { model_type: 'gemma3', text_config: { tie_word_embeddings: false } };
    assert.equal((await sharedWith(model(embedding, apart)))[0], undefined);
    // No output matrix is promised thereby.
    const encoder = path.join(folder, 'encoder');
    mkdirSync(encoder);
    writeFileSync(path.join(encoder, 'config.json'), JSON.stringify({ model_type: 'bert' }));
    const file = path.join(encoder, 'model.safetensors');
    writeFileSync(file, safetensorsBytes([tensor('bert.embeddings.word_embeddings.weight', embedding)]));
    await opened(file, (engine, handle) => assert.equal(engine.documents.get(handle).summary.architecture, 'bert'));
  });

  it('equal matrices of a model that does not tie them, and tied ones that differ, are two', async () => {
    const two = [undefined, undefined, undefined];
    assert.deepEqual(await sharedWith(model(embedding, undefined)), two);
    assert.deepEqual(await sharedWith(model(embedding, { tie_word_embeddings: false })), two);
    const changed = embedding.slice();
    changed[changed.length - 1]! += 1;
    assert.deepEqual(await sharedWith(model(changed, { tie_word_embeddings: true })), two);
    assert.deepEqual(await sharedWith(model(embedding, { tie_word_embeddings: true }, [WIDTH, WORDS])), two);
  });

  it('says so in the terminal', () => {
    const run = commandLine(folder);
    const file = model(embedding, { tie_word_embeddings: true });
    const { stdout } = run('inspect', file, '--no-farms');
    assert.match(stdout, /lm_head\.weight {2}\(tied with model\.embed_tokens\.weight/);
    assert.match(stdout, /1,696 parameters/);
  });

  it('knows an output matrix that is not stored', () => {
    const names = (...all: string[]) =>
      all.map((name) => ({
        ...{ name, group: '', shape: [4, 4], dtype: 'F32' as const, byteLength: 64, kernelLayout: 'OI…' as const },
      }));
    const gguf = (...all: string[]): boolean => outputIsTied({ format: 'gguf', tensors: names(...all) }, false);
    assert.equal(gguf('token_embd.weight', 'output_norm.weight', 'blk.0.attn_q.weight'), true);
    assert.equal(gguf('token_embd.weight', 'output_norm.weight', 'output.weight'), false);
    assert.equal(gguf('token_embd.weight', 'token_embd_norm.weight', 'blk.0.attn_q.weight'), false);
    const safetensors = { format: 'safetensors', tensors: names('transformer.wte.weight') };
    assert.equal(outputIsTied(safetensors, true), true);
    assert.equal(outputIsTied(safetensors, false), false);
  });
});
