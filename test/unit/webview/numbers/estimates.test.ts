/** How an estimate is written and spoken. */
import assert from 'node:assert/strict';
import type { QuickLook } from '../../../../extension/shared/estimates';
import { estimateOf, estimateText, estimateWords } from '../../../../webview/numbers/estimates';
import { measures, type Measure } from '../../../../webview/numbers/measures';
import { formatDuration } from '../../../../webview/numbers/timeLeft';

const look: QuickLook = {
  ...{ layer: 'w', tensor: 'w', singularValues: [], seed: 1, vectors: 8, steps: 12, elapsed: 1 },
  estimates: { stable_rank: { value: 16.12, low: 15.24, high: 16.12 }, norm: { value: 9, low: 9, high: 9 } },
  farms: {
    ...{ rule: 'xmin_peak', status: 'success', alpha: 3.21, D: 0.04, xmin: 1, xmax: 9, num_pl_spikes: 90, sigma: 0.2 },
    ...{ windows: 6, windows_total: 100, window: [512, 512], mode: 'adaptive', interval: [2.9, 3.6], seed: 1 },
    ...{ num_row_samples: 512, Q_ratio: 1, sampling_ops_per_dim: 10 },
  },
  statistics: { count: 4, min: -2, max: 1, mean: 0, std: 1, l2: 3, zeros: 0, nan: 0, inf: 0 },
};

const measure = (key: string): Measure => measures().find((each) => each.key === key)!;
const written = (key: string): [string, string] | undefined => {
  const estimate = estimateOf(look, measure(key));
  return estimate && [estimateText(estimate, measure(key)), estimateWords(look, measure(key), estimate)];
};

describe('estimates in words', () => {
  it('have a sign and an interval', () => {
    assert.deepEqual(written('stable_rank'), ['≈ 16.12', 'Estimated: stable rank 16.12, 95% interval 15.24 to 16.12.']);
  });

  it('have none where the number is exact', () => {
    assert.equal(written('norm')![0], '9.000');
    assert.match(written('norm')![1], /: exact$/);
    assert.equal(written('min')![0], '-2.000');
  });

  it('say which windows FARMS took', () => {
    assert.match(written('farms_alpha')![1], /2\.900 to 3\.600\. Of 6 windows of 512 rows or fewer\.$/);
  });

  it('are not made up where there are none', () => {
    for (const key of ['alpha', 'entropy', 'rank_energy_0.95']) assert.equal(written(key), undefined);
  });

  it('tell times as people do', () => {
    const told = [5, 61, 95, 3599, 3600, 5400, 40_000].map(formatDuration);
    assert.deepEqual(told, [
      ...['less than a minute', '1 minute', '2 minutes', '60 minutes'],
      ...['1 hour', '1.5 hours', '11 hours'],
    ]);
  });
});
