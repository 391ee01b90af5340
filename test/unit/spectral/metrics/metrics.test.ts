/** Shape metrics on spectra whose values follow by hand, and the metric table that describes them. */
import assert from 'node:assert/strict';
import type { PowerLawFit } from '../../../../extension/shared/layers';
import { spectralMetrics } from '../../../../extension/spectral/metrics/metrics';
import { MeasuredSpectrum, type LayerSpectrumParts } from '../../../../extension/spectral/metrics/spectrum';
import { metricTable } from '../../../../extension/shared/metricTable';
import { fitPowerLaw } from '../../../../extension/spectral/tail/powerLaw';

function fitted(alpha: number, xmin: number): PowerLawFit {
  return { rule: 'KS', status: 'success', alpha, D: 0.1, xmin, xmax: 16, num_pl_spikes: 2, sigma: 0.5 };
}

function measured(parts: LayerSpectrumParts): Record<string, number | null> {
  return { ...spectralMetrics(new MeasuredSpectrum(parts)).metrics };
}

function metrics(eigenvalues: number[], fit?: PowerLawFit, N = eigenvalues.length): Record<string, number | null> {
  const M = eigenvalues.length;
  return measured({ eigenvalues: Float64Array.from(eigenvalues), N, M, fits: fit ? { KS: fit } : {} });
}

function assertNear(ours: number | null | undefined, expected: number): void {
  assert.ok(
    ours != null && Math.abs(ours - expected) <= 1e-12 * Math.max(1, Math.abs(expected)),
    `${ours!} and not ${expected}`,
  );
}

describe('spectral metrics', () => {
  it('σ = 1, 1, 1, 4 by hand', () => {
    const found = metrics([1, 1, 1, 16], fitted(2, 1));
    const p = [1 / 19, 1 / 19, 1 / 19, 16 / 19];
    const q = [1 / 7, 1 / 7, 1 / 7, 4 / 7];
    const shannon = (shares: number[]): number => -shares.reduce((sum, share) => sum + share * Math.log(share), 0);
    const expected: Record<string, number> = {
      alpha: 2,
      D: 0.1,
      xmin: 1,
      xmax: 16,
      num_pl_spikes: 2,
      sigma: 0.5,
      spectral_norm: 16,
      log_spectral_norm: Math.log10(16),
      norm: 19,
      log_norm: Math.log10(19),
      alpha_weighted: 2 * Math.log10(16),
      log_alpha_norm: Math.log10(3 + 256),
      stable_rank: 19 / 16,
      effective_rank: Math.exp(shannon(q)),
      entropy: shannon(p) / Math.log(4),
      von_neumann_entropy: shannon(p),
      matrix_rank: 4,
      rank_loss: 0,
      weak_rank_loss: 0,
      nuclear_norm: 7,
      condition_number: 4,
      log_lipschitz: Math.log(4),
      ww_pl_tail_mass: 1,
      // 19/4: 16·4/19 = 3.37, then ·4/19 = 0.71 < 1.
      detX_num: 2,
    };
    for (const [key, value] of Object.entries(expected)) assertNear(found[key], value);
  });

  it('an identity is full of everything', () => {
    const found = metrics(new Array<number>(8).fill(1));
    for (const key of ['stable_rank', 'effective_rank', 'matrix_rank', 'norm', 'nuclear_norm'])
      assertNear(found[key], 8);
    assertNear(found.entropy, 1);
    assertNear(found.condition_number, 1);
  });

  it('tail mass is the share of Σλ from xmin on', () => {
    assertNear(metrics([1, 2, 3, 4], fitted(2, 3)).ww_pl_tail_mass, 0.7);
  });

  it('large alpha does not overflow', () => {
    const found = metrics([1e5, 2e5], fitted(90, 1e5));
    assertNear(found.log_alpha_norm, 90 * Math.log10(2e5) + Math.log10(1 + 0.5 ** 90));
  });

  it('numerical zeros are lost rank, not a condition number', () => {
    const found = metrics([-1e-18, 1e-17, 1e-7, 1, 2]);
    assert.equal(found.matrix_rank, 3);
    assert.equal(found.rank_loss, 2);
    assert.equal(found.weak_rank_loss, 3);
    assert.equal(found.condition_number, null);
    assert.ok(Number.isFinite(found.effective_rank!) && Number.isFinite(found.nuclear_norm!));
  });

  it('a condition number beyond what a Gram matrix tells is empty, unless small eigenvalues are exact', () => {
    const M = 64;
    const spectrum = (condition: number): Float64Array =>
      Float64Array.from({ length: M }, (_, i) => condition ** (-2 * (1 - i / (M - 1))));
    const number = (condition: number, resolved: boolean): number | null =>
      measured({ eigenvalues: spectrum(condition), N: M, M, fits: {}, resolved }).condition_number!;
    for (const condition of [1e3, 5e5]) {
      for (const resolved of [false, true]) assert.ok(Math.abs(number(condition, resolved)! / condition - 1) < 1e-9);
    }
    assert.equal(number(4e6, false), null);
    assert.ok(Math.abs(number(4e6, true)! / 4e6 - 1) < 1e-9);
    const { missing } = spectralMetrics(new MeasuredSpectrum({ eigenvalues: spectrum(4e6), N: M, M, fits: {} }));
    assert.match(missing.condition_number!, /about 4e\+6, .* to 0\.1 %/);
  });

  it('a failed fit leaves its numbers empty and the others filled', () => {
    const eigenvalues = Float64Array.of(1, 2, 3);
    const fits = { KS: fitPowerLaw(eigenvalues, 'KS') };
    const found = measured({ eigenvalues, N: 3, M: 3, fits });
    for (const key of ['alpha', 'D', 'xmin', 'alpha_weighted', 'log_alpha_norm', 'ww_pl_tail_mass']) {
      assert.equal(found[key], null, key);
    }
    assertNear(found.norm, 6);
  });

  it('a zero matrix has norms of zero and no logarithms', () => {
    const found = metrics(new Array<number>(12).fill(0));
    assert.deepEqual([found.spectral_norm, found.norm, found.nuclear_norm, found.matrix_rank], [0, 0, 0, 0]);
    assert.equal(found.rank_loss, 12);
    for (const key of [
      'log_norm',
      'log_spectral_norm',
      'stable_rank',
      'effective_rank',
      'entropy',
      'condition_number',
    ]) {
      assert.equal(found[key], null, key);
    }
  });

  it('rank one has no entropy relative to its rank', () => {
    const found = metrics([0, 0, 9]);
    assert.equal(found.entropy, null);
    assertNear(found.von_neumann_entropy, 0);
    assertNear(found.effective_rank, 1);
  });

  it('refuses a spectrum that is not finite', () => {
    assert.throws(() => metrics([1, NaN]), RangeError);
    assert.throws(() => metrics([1, Infinity]), RangeError);
  });
});

describe('metric table', () => {
  it('lists exactly the metrics that are computed, once each', () => {
    const keys = metricTable.map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length);
    const randomised = Float64Array.of(1, 2, 3);
    const computed = measured({
      eigenvalues: randomised,
      N: 3,
      M: 3,
      fits: {},
      randomised: [randomised, randomised],
    });
    assert.deepEqual([...keys].sort(), Object.keys(computed).sort());
  });

  it('says of each what it is', () => {
    for (const { key, label, description, digits, kind } of metricTable) {
      assert.ok(label.length > 0 && label.length <= 16, key);
      assert.match(description, /\.$/, key);
      assert.ok(kind === 'integer' ? digits === 0 : digits > 0, key);
    }
  });
});
