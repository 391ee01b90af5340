/** Whoever opens a model sees the same one: the engine, a pipeline that it is a part of, and whoever has no engine. */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { foldedTensor } from '../../../extension/checkpoint/wrappers/foldedTensor';
import { MAX_NAME } from '../../../extension/checkpoint/elements/names';
import { openModel, type Model } from '../../../extension/checkpoint/openModel';
import { slicedTensor } from '../../../extension/checkpoint/wrappers/tensorSlice';
import { Engine } from '../../../extension/engine/engine';
import { pipelineFiles, writeFiles } from '../../harness/checkpoints/pipelineFixture';
import { integers, tensor } from '../../harness/checkpoints/quantisedFixtures';
import { ramp, safetensorsBytes } from '../../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../../harness/temporaryFolder';

const ROWS = 6;
const COLS = 4;

/** Two copies of one matrix, which T5's configuration ties. */
const tiedFiles = {
  'config.json': JSON.stringify({ model_type: 't5' }),
  'model.safetensors': safetensorsBytes([
    ramp('shared.weight', [ROWS, COLS]),
    ramp('encoder.embed_tokens.weight', [ROWS, COLS]),
  ]),
};

const adapterFiles = {
  'adapter_config.json': JSON.stringify({ peft_type: 'LORA', lora_alpha: 2 }),
  'adapter_model.safetensors': safetensorsBytes([
    ramp('base_model.model.h.lora_A.weight', [1, COLS]),
    ramp('base_model.model.h.lora_B.weight', [ROWS, 1]),
  ]),
};

const scaledFiles = {
  'model.safetensors': safetensorsBytes([
    tensor('h.weight', 'F8_E4M3', [ROWS, COLS], Uint8Array.from(integers(ROWS * COLS, 100))),
    ramp('h.weight_scale', [1]),
  ]),
};

const longName = 'n'.repeat(MAX_NAME + 1);

const shardFiles = {
  'model-00001-of-00002.safetensors': safetensorsBytes([ramp('a', [2]), ramp(longName, [2])]),
  'model-00002-of-00002.safetensors': safetensorsBytes([ramp('b', [2])]),
};

const shardIndex = JSON.stringify({
  weight_map: Object.fromEntries([
    ['a', 'model-00001-of-00002.safetensors'],
    ['b', 'model-00002-of-00002.safetensors'],
  ]),
});

describe('an opened model', () => {
  const root = temporaryFolder();
  let count = 0;
  let opened: Model[] = [];
  const folder = (files: Record<string, string | Uint8Array>): string =>
    writeFiles(path.join(root, `model${count++}`), files);

  afterEach(async () => {
    for (const model of opened) await model.close();
    opened = [];
  });

  async function open(target: string): Promise<Model> {
    const model = await openModel(target);
    opened.push(model);
    return model;
  }

  const named = ({ tensors }: Checkpoint, name: string) => tensors.find((each) => each.name === name)!;
  const marks = ({ tensors }: Checkpoint): unknown[] =>
    tensors.map(({ name, sharedWith, shape, dtype }) => [name, sharedWith, shape, dtype]);

  describe('is the one that the engine shows', () => {
    const engine = new Engine({
      ...{ cacheFolder: undefined, threads: 1, memoryLimit: 2 ** 28, device: 'cpu' },
      notify: () => undefined,
    });

    for (const [what, files] of Object.entries({
      'copies that the configuration ties': tiedFiles,
      'a LoRA adapter': adapterFiles,
      'quantised weights': scaledFiles,
      'shards without an index': shardFiles,
      'a pipeline': pipelineFiles(),
    })) {
      it(what, async () => {
        const target = folder(files);
        const ours = await open(target);
        const { handle, checkpoint: theirs } = await engine.documents.open(target);
        try {
          assert.deepEqual(marks(ours), marks(theirs));
          assert.deepEqual(
            ours.tensors.map((each) => Object.keys(each)),
            theirs.tensors.map((each) => Object.keys(each)),
          );
          assert.deepEqual(
            [ours.path, ours.format, ours.files, ours.metadata, ours.problems],
            [theirs.path, theirs.format, theirs.files, theirs.metadata, theirs.problems],
          );
          assert.deepEqual(ours.config, theirs.config);
        } finally {
          await engine.documents.close(handle);
        }
      });
    }
  });

  it('has its tied copies marked, its products and its quantised weights', async () => {
    const tied = await open(folder(tiedFiles));
    assert.equal(named(tied, 'encoder.embed_tokens.weight').sharedWith, 'shared.weight');
    assert.ok(named(await open(folder(adapterFiles)), 'base_model.model.h.delta_weight').product);
    const scaled = await open(folder(scaledFiles));
    assert.deepEqual(
      scaled.tensors.map(({ name, dtype }) => [name, dtype]),
      [['h.weight', 'F32']],
    );
  });

  it('reads slices and folds of its tensors', async () => {
    const model = await open(folder({ 'model.safetensors': safetensorsBytes([ramp('w', [2, 3, 4])]) }));
    const whole = await model.read(named(model, 'w'));
    const kernel = foldedTensor(named(model, 'w'), { stack: [], rows: [0, 1], cols: [2] });
    assert.deepEqual([kernel.shape, await model.read(kernel)], [[6, 4], whole]);
    const rows = { start: 1, length: 1, step: 1, count: 1 };
    const cols = { start: 0, length: 4, step: 4, count: 1 };
    const slice = slicedTensor('w[1.row]', { of: named(model, 'w'), index: 1, rows, cols });
    assert.deepEqual(await model.read(slice), whole.subarray(16 * 4, 20 * 4));
  });

  it('is the same as a part of a pipeline', async () => {
    const parts = Object.fromEntries(Object.entries(tiedFiles).map(([name, file]) => [`text_encoder/${name}`, file]));
    const pipeline = await open(folder({ ...pipelineFiles(), ...parts }));
    const alone = await open(path.join(path.dirname(pipeline.path), 'text_encoder'));
    const prefixed = alone.tensors.map(({ name, sharedWith }) => [
      `text_encoder/${name}`,
      sharedWith && `text_encoder/${sharedWith}`,
    ]);
    const within = pipeline.tensors.filter(({ name }) => name.startsWith('text_encoder/'));
    assert.deepEqual(
      within.map(({ name, sharedWith }) => [name, sharedWith]),
      prefixed,
    );
    assert.ok(prefixed.some(([, sharedWith]) => sharedWith !== undefined));
  });

  it('has the same tensors with an index of its shards and without', async () => {
    const without = await open(folder(shardFiles));
    const indexed = await open(folder({ ...shardFiles, 'model.safetensors.index.json': shardIndex }));
    assert.deepEqual(marks(without), marks(indexed));
    assert.ok(without.tensors.every(({ name }) => name.length <= MAX_NAME));
  });
});
