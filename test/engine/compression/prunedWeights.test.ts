/** A checkpoint as torch.nn.utils.prune saves it: the mask is kept, and `robust` fits what the pruned model computes with. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { widen } from '../../../extension/checkpoint/elements/dtype';
import { openModel } from '../../../extension/checkpoint/openModel';
import { parsePlan } from '../../../extension/compression/planFile/parsePlan';
import { uniform, writeSafetensors } from '../../harness/checkpoints/madeCheckpoints';
import { commandLine } from '../../harness/commandLine';
import { frobenius, naiveProduct } from '../../harness/numbers/denseReference';
import { temporaryFolder } from '../../harness/temporaryFolder';

describe('pruned weights', () => {
  const folder = temporaryFolder();
  const run = commandLine(folder);
  const [outputs, inputs] = [48, 40];
  const low = naiveProduct(
    Float64Array.from(uniform(outputs * 3, 1)),
    Float64Array.from(uniform(3 * inputs, 2)),
    outputs,
    inputs,
    3,
  );
  const mask = uniform(outputs * inputs, 3).map((value) => (value < -0.4 ? 0 : 1));
  // What pruning took out still stands in the original, and is multiplied by 0.
  const original = Float32Array.from(low, (value, i) => (mask[i] === 0 ? 50 * Math.sin(i) : value));
  const shape = [outputs, inputs];
  const model = writeSafetensors(path.join(folder, 'pruned.safetensors'), [
    { name: 'fc.weight_orig', shape, values: original },
    { name: 'fc.weight_mask', shape, values: mask },
    { name: 'fc.bias', shape: [outputs], values: uniform(outputs, 4) },
  ]);
  const out = path.join(folder, 'a.eigenplan.json');

  it('are fitted where the mask keeps them; the mask stays as it is', async () => {
    const asked = ['--method', 'robust', '--sparse', '0', '--ratio', '0.7', '--allocation', 'uniform'];
    const { status, stdout, stderr } = run('plan', model, '--out', out, ...asked);
    assert.equal(status, 0, stderr);
    const { layers } = parsePlan(readFileSync(out, 'utf8'), out);
    assert.deepEqual(layers['fc.weight_mask'], {
      keep: 'dense',
      why: 'is the mask that fc.weight_orig is multiplied by',
    });
    assert.ok('rank' in layers['fc.weight_orig']! && layers['fc.weight_orig'].rank! >= 3, stdout);
    const saved = path.join(folder, 'saved');
    const ran = run('compress', model, '--plan', out, '--to', 'dense', '--out', saved);
    assert.equal(ran.status, 0, ran.stderr);
    const checkpoint = await openModel(saved);
    const values = async (name: string): Promise<Float64Array> => {
      const tensor = checkpoint.tensors.find((each) => each.name === name)!;
      return widen(await checkpoint.read(tensor), tensor.dtype);
    };
    const fitted = await values('fc.weight_orig');
    assert.deepEqual([...(await values('fc.weight_mask'))], [...mask]);
    await checkpoint.close();
    const rest = fitted.map((value, i) => mask[i]! * (value - low[i]!));
    assert.ok(frobenius(rest) < 1e-4 * frobenius(low), `${frobenius(rest) / frobenius(low)}`);
  });
});
