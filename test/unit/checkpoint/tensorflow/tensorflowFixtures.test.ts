/** Models that TensorFlow itself wrote (`test/unit/checkpoint/tensorflow/tensorflowFixtures.py`) hold what TensorFlow reads from them. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import type { DType } from '../../../../extension/shared/tensors';
import { temporaryFolder } from '../../../harness/temporaryFolder';
import { fixtures } from './tensorflowFixtures.json';

const DTYPES: Readonly<Record<string, DType>> = {
  ...{ float32: 'F32', float16: 'F16', bfloat16: 'BF16', int64: 'I64', int8: 'I8', bool: 'BOOL' },
};

interface Fixture {
  open: string;
  files: Record<string, string>;
  tensors: Record<string, { shape: number[]; dtype: string; bytes: string }>;
}

describe('models written by TensorFlow', () => {
  const root = temporaryFolder();

  for (const [index, [name, fixture]] of Object.entries(fixtures as unknown as Record<string, Fixture>).entries()) {
    it(`${name}: names, shapes, types and values`, async () => {
      const folder = path.join(root, String(index));
      for (const [file, content] of Object.entries(fixture.files)) {
        mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
        writeFileSync(path.join(folder, file), Buffer.from(content, 'base64'));
      }
      const checkpoint = await openModel(path.join(folder, fixture.open));
      try {
        assert.deepEqual(checkpoint.problems, []);
        // Vectors of a TensorFlow Lite model have names of its converter's choice.
        const isLite = fixture.open.endsWith('.tflite');
        const tensors = checkpoint.tensors.filter(({ shape }) => !isLite || shape.length > 1);
        assert.deepEqual(tensors.map((tensor) => tensor.name).toSorted(), Object.keys(fixture.tensors).toSorted());
        for (const tensor of tensors) {
          const { shape, dtype, bytes } = fixture.tensors[tensor.name]!;
          assert.deepEqual([tensor.shape, tensor.dtype], [shape, DTYPES[dtype]], tensor.name);
          assert.equal(Buffer.from(await checkpoint.read(tensor)).toString('hex'), bytes, tensor.name);
        }
      } finally {
        await checkpoint.close();
      }
    });
  }
});
