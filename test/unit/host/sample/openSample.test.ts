import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, truncateSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { sampleFile } from '../../../../extension/host/sample/openSample';
import { sampleElements, sampleTensors } from '../../../../extension/host/sample/storyModel';
import { temporaryFolder } from '../../../harness/temporaryFolder';

/** Values of stored BF16 elements. */
function floats(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(bytes.buffer);
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

describe('the sample', () => {
  const folder = temporaryFolder();

  it('is a Llama of BF16 tensors by its names, and says that it is made', async () => {
    const file = await sampleFile(folder);
    const model = await openModel(file);
    assert.equal(model.tensors.length, 3 + 6 * 9);
    assert.ok(model.tensors.every(({ dtype }) => dtype === 'BF16'));
    assert.deepEqual(model.problems, []);
    assert.match(model.metadata['description']!, /^Made by Eigenscope .* not trained/);
    await model.close();
    const config = JSON.parse(readFileSync(path.join(path.dirname(file), 'config.json'), 'utf8')) as object;
    assert.equal((config as { model_type: string }).model_type, 'llama');
    assert.deepEqual(readdirSync(path.dirname(file)).sort(), ['config.json', path.basename(file)]);
  });

  it('is made once, and again where it is not whole', async () => {
    const file = await sampleFile(folder);
    utimesSync(file, 1000, 1000);
    assert.equal(statSync(await sampleFile(folder)).mtimeMs, 1_000_000);
    const before = readFileSync(file);
    truncateSync(file, 100);
    await sampleFile(folder);
    assert.ok(readFileSync(file).equals(before), 'the same seeds give the same numbers');
  });

  it('has rows whose energies follow the chosen law', () => {
    const tensor = sampleTensors().find(({ name }) => name.includes('3.mlp.up_proj'))!;
    const values = floats(sampleElements(tensor, 1));
    const [rows, cols] = tensor.shape as [number, number];
    const energies = Array.from({ length: rows }, (_, row) =>
      values.subarray(row * cols, (row + 1) * cols).reduce((sum, value) => sum + value ** 2, 0),
    ).sort((a, b) => b - a);
    // Hill's estimator of 1/(α − 1) on the upper half; rows of `cols` Gaussians spread by √(2/cols) around their scale.
    const top = rows / 2;
    const hill = energies.slice(0, top).reduce((sum, value) => sum + Math.log(value / energies[top]!), 0) / top;
    assert.ok(Math.abs(1 + 1 / hill - tensor.alpha!) < 0.35, `alpha ${1 + 1 / hill} instead of ${tensor.alpha}`);
  });
});
