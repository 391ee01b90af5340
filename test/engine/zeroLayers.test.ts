/** Layers of zeros: listed with the reason, nothing computed. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LayerResult } from '../../extension/shared/layers';
import { commandLine } from '../harness/commandLine';
import { safetensorsBytes } from '../harness/checkpoints/safetensorsFixtures';
import { temporaryFolder } from '../harness/temporaryFolder';

describe('a layer of zeros', () => {
  const folder = temporaryFolder();
  const zeros = (name: string, shape: number[]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { name, dtype: 'F32', shape, bytes: new Uint8Array(4 * count) } as const;
  };
  const file = path.join(folder, 'model.safetensors');
  before(() =>
    writeFileSync(
      file,
      safetensorsBytes([
        zeros('a.weight', [40, 30]),
        zeros('conv.weight', [8, 4, 3, 3]),
        zeros('wide.weight', [1, 64]),
      ]),
    ),
  );

  it('has no FARMS run and no shuffled spectrum, and says why', () => {
    const { status, stdout, stderr } = commandLine(folder)('inspect', file, '--randomise', '--json');
    assert.equal(status, 0, stderr);
    const { layers } = JSON.parse(stdout) as { layers: LayerResult[] };
    for (const { name, farms, missing, metrics, fits, ranks, randomised, matrices, M } of layers) {
      assert.equal(farms, null, name);
      assert.equal(missing?.farms_alpha, 'all elements are zero', name);
      assert.deepEqual([metrics.norm, metrics.matrix_rank, metrics.rank_loss], [0, 0, matrices * M!], name);
      assert.deepEqual([fits.KS?.status, ranks['energy_0.95']], ['failed', undefined], name);
      assert.deepEqual([randomised?.status, randomised?.reason], ['failed', 'all elements are zero'], name);
    }
    assert.equal(layers.length, 3);
  });

  it('is one line of the report, with one remark', () => {
    const { stdout } = commandLine(folder)('inspect', file);
    assert.equal(stdout.match(/\(all zero\)/g)?.length, 3);
    assert.doesNotMatch(stdout, /rank loss|\(no fit|Means/);
  });
});
