/** WeLore's ranks at its five thresholds, as its program printed them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { openModel } from '../../extension/checkpoint/openModel';
import { weloreRanksAt, type WeloreLayer } from '../../extension/shared/ranks/welore';
import { sharedFolder } from '../harness/shared';
import { layerEigenvalues, layerMatrices } from './spectra';

interface Allocation {
  welore: {
    checkpoint: string;
    thresholds: Record<string, Record<string, { full_rank: number; pruned: number }>>;
  };
}

const shared = sharedFolder;
if (shared === undefined) {
  console.log('The golden numbers are not beside the repository: no comparison with WeLore.');
} else {
  const { welore } = JSON.parse(readFileSync(path.join(shared, 'golden', 'allocation.json'), 'utf8')) as Allocation;

  describe('golden ranks of WeLore', () => {
    let layers: WeloreLayer[];

    before(async () => {
      const checkpoint = await openModel(path.join(shared, 'checkpoints', welore.checkpoint));
      try {
        const sources = await Promise.all(checkpoint.tensors.map((tensor) => layerMatrices(checkpoint, tensor)));
        layers = sources.flat().map((source) => ({
          name: source.layer.name,
          singularValues: layerEigenvalues(source)
            .map((value) => Math.sqrt(Math.max(0, value)))
            .reverse(),
        }));
      } finally {
        await checkpoint.close();
      }
    });

    for (const [threshold, reference] of Object.entries(welore.thresholds)) {
      it(`threshold ${threshold}`, () => {
        const ranks = weloreRanksAt(layers, Number(threshold));
        const ours = Object.keys(reference).map((name) => [name, ranks.get(name)]);
        const theirs = Object.entries(reference).map(([name, { full_rank, pruned }]) => [name, full_rank - pruned]);
        assert.deepEqual(ours, theirs);
      });
    }
  });
}
