import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint, TensorInfo } from '../../extension/checkpoint/checkpoint';
import { onnxFormat } from '../../extension/checkpoint/onnx/onnx';
import { sharedFolder } from '../harness/shared';

interface Golden {
  tensors: number;
  parameters: number;
  layers: Record<string, { shape: number[]; esd: { sum: number; scaled?: string } }>;
}

const MODELS = ['silero-vad/silero_vad.onnx', 'magika/model.onnx', 'ultra-light-face/version-RFB-320.onnx'];

const product = (shape: readonly number[]) => shape.reduce((total, size) => total * size, 1);

async function floats(checkpoint: Checkpoint, tensor: TensorInfo): Promise<Float32Array> {
  return new Float32Array((await checkpoint.read(tensor)).slice().buffer);
}

function referenceModels(shared: string): void {
  for (const name of MODELS) {
    it(`${name} has the tensors, names, shapes and values of the reference numbers`, async () => {
      const golden = JSON.parse(
        readFileSync(path.join(shared, 'golden', `${name.replace('/', '__')}.json`), 'utf8'),
      ) as Golden;
      const checkpoint = await onnxFormat.open(path.join(shared, 'checkpoints', name));
      try {
        assert.deepEqual(checkpoint.problems, []);
        // The reference counts floating-point tensors; shapes and axes are integer constants.
        const floating = checkpoint.tensors.filter(({ dtype }) => dtype === 'F32');
        assert.equal(floating.length, golden.tensors);
        assert.equal(
          floating.reduce((sum, { shape }) => sum + product(shape), 0),
          golden.parameters,
        );
        assert.ok(Object.keys(golden.layers).length >= 3);
        for (const [layer, { shape, esd }] of Object.entries(golden.layers)) {
          const tensor = floating.find((candidate) => candidate.name === layer);
          assert.ok(tensor, layer);
          assert.deepEqual(tensor.shape, shape);
          // The eigenvalues sum to the squared Frobenius norm, halved for convolutions.
          const squares = (await floats(checkpoint, tensor)).reduce((sum, value) => sum + value * value, 0);
          const expected = esd.scaled === undefined ? esd.sum : 2 * esd.sum;
          assert.ok(Math.abs(squares / expected - 1) < 1e-6, `${layer}: ${squares}, expected ${expected}`);
        }
      } finally {
        await checkpoint.close();
      }
    });
  }

  it('silero-vad holds the very weights of its TorchScript sibling', async () => {
    const folder = path.join(shared, 'checkpoints', 'silero-vad');
    // The archive stores its tensors' bytes uncompressed.
    const archive = readFileSync(path.join(folder, 'silero_vad.jit'));
    const checkpoint = await onnxFormat.open(path.join(folder, 'silero_vad.onnx'));
    try {
      const weights = checkpoint.tensors.filter(({ dtype, byteLength }) => dtype === 'F32' && byteLength >= 256);
      assert.equal(weights.length, 28);
      for (const tensor of weights) {
        assert.ok(archive.includes(Buffer.from(await checkpoint.read(tensor))), tensor.name);
      }
    } finally {
      await checkpoint.close();
    }
  });
}

const shared = sharedFolder;
if (shared !== undefined) describe('onnx: the reference models', () => referenceModels(shared));
else console.log('note: the reference checkpoints are not beside the repository: no ONNX model is compared with them');
