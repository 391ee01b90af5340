import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fromBuffer, type Entry, type ZipFile } from 'yauzl';
import { safetensorsFormat } from '../../../../extension/checkpoint/safetensors/safetensors';
import { sharedFolder } from '../../../harness/shared';

if (sharedFolder === undefined) console.log('safetensors: reference checkpoints not found, those tests are left out');
else describeReferences(path.join(sharedFolder, 'checkpoints'), path.join(sharedFolder, 'golden'));

interface Golden {
  tensors: number;
  parameters: number;
  layers: Record<string, { shape: number[] }>;
}

function describeReferences(checkpoints: string, golden: string): void {
  describe('safetensors of the reference checkpoints', () => {
    const names = readdirSync(golden).filter((name) => name.endsWith('.safetensors.json'));
    assert.ok(names.length >= 6);
    for (const name of names) {
      const relative = name.replace('__', '/').replace(/\.json$/, '');
      it(`${relative} has the golden tensors, parameters and shapes`, async () => {
        const expected = JSON.parse(readFileSync(path.join(golden, name), 'utf8')) as Golden;
        const checkpoint = await safetensorsFormat.open(path.join(checkpoints, relative));
        assert.deepEqual(checkpoint.problems, []);
        assert.equal(checkpoint.tensors.length, expected.tensors);
        const parameters = checkpoint.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
        assert.equal(parameters, expected.parameters);
        for (const [layer, { shape }] of Object.entries(expected.layers)) {
          assert.deepEqual(checkpoint.tensors.find((tensor) => tensor.name === layer)?.shape, shape, layer);
        }
        await checkpoint.close();
      });
    }

    it('stories260K equals its npz, bit for bit', async () => {
      const folder = path.join(checkpoints, 'stories260K-llama-derived');
      const arrays = await readNpz(readFileSync(path.join(folder, 'weights.npz')));
      const checkpoint = await safetensorsFormat.open(path.join(folder, 'model.safetensors'));
      assert.deepEqual(checkpoint.tensors.map(({ name }) => name).sort(), [...arrays.keys()].sort());
      for (const tensor of checkpoint.tensors) {
        const array = arrays.get(tensor.name)!;
        assert.deepEqual([tensor.dtype, tensor.shape], ['F32', array.shape]);
        assert.ok(array.data.equals(await checkpoint.read(tensor)), tensor.name);
      }
      await checkpoint.close();
    });
  });
}

/** Little-endian float32 arrays in C order, as NumPy's format description defines them. */
async function readNpz(bytes: Buffer): Promise<Map<string, { shape: number[]; data: Buffer }>> {
  const arrays = new Map<string, { shape: number[]; data: Buffer }>();
  const zip = await new Promise<ZipFile>((resolve, reject) =>
    fromBuffer(bytes, { lazyEntries: true }, (error, file) => (error ? reject(error) : resolve(file))),
  );
  await new Promise<void>((resolve, reject) => {
    zip.on('end', resolve).on('error', reject);
    zip.on('entry', (entry: Entry) =>
      zip.openReadStream(entry, (error, stream) => {
        if (error) {
          reject(error);
          return;
        }
        const chunks: Buffer[] = [];
        stream
          .on('data', (chunk: Buffer) => chunks.push(chunk))
          .on('end', () => {
            const npy = Buffer.concat(chunks);
            const text = npy.toString('latin1', 10, 10 + npy.readUInt16LE(8));
            assert.match(text, /'descr': '<f4', 'fortran_order': False/);
            const shape = /\(([\d, ]*)\)/
              .exec(text)![1]!
              .split(',')
              .filter((size) => size.trim() !== '')
              .map(Number);
            arrays.set(entry.fileName.replace(/\.npy$/, ''), { shape, data: npy.subarray(10 + npy.readUInt16LE(8)) });
            zip.readEntry();
          });
      }),
    );
    zip.readEntry();
  });
  return arrays;
}
