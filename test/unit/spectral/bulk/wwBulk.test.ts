/** WeightWatcher's own mp_fit against what it printed: `test/unit/spectral/weightwatcherFixtures.py` made the file. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { wwBulk } from '../../../../extension/spectral/bulk/wwBulk';
import { repositoryRoot } from '../../../harness/shared';

interface Fixture {
  name: string;
  N: number;
  M: number;
  eigenvalues: number[];
  num_spikes: number;
  sigma_mp: number;
  mp_softrank: number;
}

const file = path.join(repositoryRoot, 'test/unit/spectral/weightwatcherFixtures.json');
const { version, fixtures } = JSON.parse(readFileSync(file, 'utf8')) as { version: string; fixtures: Fixture[] };

describe(`WeightWatcher ${version}’s fit of the bulk`, () => {
  for (const { name, N, M, eigenvalues, ...printed } of fixtures) {
    it(`is what it prints: ${name}`, () => {
      const found = wwBulk(Float64Array.from(eigenvalues), N, M);
      assert.ok(!('missing' in found));
      assert.equal(found.num_spikes, printed.num_spikes);
      assert.ok(Math.abs(found.sigma / printed.sigma_mp - 1) < 1e-6, `${found.sigma} and not ${printed.sigma_mp}`);
      assert.ok(Math.abs(found.mp_softrank / printed.mp_softrank - 1) < 1e-6);
    });
  }

  it('has nothing to fit in a zero matrix', () => {
    assert.deepEqual(wwBulk(new Float64Array(12), 20, 12), { missing: 'all eigenvalues are zero' });
  });
});
