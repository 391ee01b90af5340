import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { shardOfModel } from '../../../../extension/checkpoint/folders/shardOfModel';
import { temporaryFolder } from '../../../harness/temporaryFolder';

describe('a shard opened by itself', () => {
  const folder = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);

  it('is known by its name, with what stands for all: the index, or the folder that holds the others', async () => {
    const second = at('model-00002-of-00003.safetensors');
    assert.deepEqual(await shardOfModel(second), { number: 2, total: 3 }, 'the others are missing');
    for (const number of [1, 2, 3]) writeFileSync(at(`model-0000${number}-of-00003.safetensors`), '');
    assert.deepEqual(await shardOfModel(second), { number: 2, total: 3, whole: folder });
    const index = at('model.safetensors.index.json');
    writeFileSync(index, '{}');
    assert.deepEqual(await shardOfModel(second), { number: 2, total: 3, whole: index });
    const bin = at('pytorch_model.bin.index.json');
    writeFileSync(bin, '{}');
    assert.deepEqual(await shardOfModel(at('pytorch_model-00001-of-00002.bin')), { number: 1, total: 2, whole: bin });
  });

  it('is not said of whole models', async () => {
    for (const name of ['model.safetensors', 'model-00001-of-00001.safetensors', 'model-00004-of-00003.safetensors']) {
      assert.equal(await shardOfModel(at(name)), undefined, name);
    }
    assert.equal(await shardOfModel(at('model.safetensors.index.json')), undefined);
    assert.equal(await shardOfModel(folder), undefined);
  });
});
