/** Every number that is missing has a reason, and no number has one, on the spectra of awkward matrices. */
import assert from 'node:assert/strict';
import type { FitRule, PowerLawFit } from '../../../../extension/shared/layers';
import { spectralMetrics, type SpectralInput } from '../../../../extension/spectral/metrics/metrics';
import { missingMetrics, missingRanks } from '../../../../extension/spectral/metrics/missingMetrics';
import { fitPowerLaw } from '../../../../extension/spectral/tail/powerLaw';
import { rankSuggestions } from '../../../../extension/spectral/ranks/ranks';
import { tailShape } from '../../../../extension/spectral/tail/tailShape';
import { spectrumShapes, uniform } from '../../../harness/numbers/hardSpectra';

function input(values: number[] | Float64Array, N = 2 * values.length): SpectralInput {
  const eigenvalues = Float64Array.from(values).sort();
  const M = eigenvalues.length;
  const fit = (rule: FitRule): PowerLawFit =>
    fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS', dimension: M });
  const fits = { KS: fit('KS'), xmin_mid: fit('xmin_mid'), xmin_peak: fit('xmin_peak') };
  return { eigenvalues, N, M, count: 1, fits };
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

const AWKWARD: Readonly<Record<string, SpectralInput>> = {
  'all zero': input(zeros(40)),
  'rank 1': input([...zeros(39), 7]),
  'rank 1 with rounding': input([...new Array<number>(39).fill(1e-17), 7]),
  'one value': input([3], 500),
  'one value, a 1×1 matrix': input([3], 1),
  'two values': input([1, 2]),
  'an orthogonal matrix': input(new Array<number>(40).fill(1)),
  'one huge outlier': input([...spectrumShapes.Pareto!(39, uniform(1)), 1e60]),
  denormals: input(Float64Array.from({ length: 40 }, (_, i) => 5e-324 * (i + 1))),
  'near overflow': input(Float64Array.from({ length: 40 }, (_, i) => 1e306 * (i + 1))),
  'half zero': input([...zeros(30), ...spectrumShapes.Pareto!(10, uniform(2))]),
};

describe('missing numbers', () => {
  for (const [name, spectrum] of Object.entries(AWKWARD)) {
    it(`are explained, and the others finite: ${name}`, () => {
      const metrics = spectralMetrics(spectrum);
      const missing = missingMetrics(spectrum, metrics);
      for (const [key, value] of Object.entries(metrics)) {
        if (value === null) assert.match(missing[key] ?? '', /\w{3}/, key);
        else assert.ok(Number.isFinite(value) && missing[key] === undefined, `${key}: ${value}`);
      }
      const { eigenvalues, N, M, fits } = spectrum;
      const ranks = rankSuggestions(eigenvalues, N, M);
      const absent = missingRanks(eigenvalues, N, M);
      for (const { rank, error } of Object.values(ranks)) assert.ok(Number.isInteger(rank) && error >= 0 && error <= 1);
      for (const rule of ['mp_spikes', 'hard_threshold']) {
        if (eigenvalues.at(-1)! > 0) assert.notEqual(`rank_${rule}` in absent, rule in ranks, rule);
      }
      const shape = tailShape(eigenvalues, fits.KS!);
      assert.equal(shape.status, fits.KS!.status);
      if (shape.status === 'failed') assert.match(shape.reason!, /no power law was fitted: \w/);
    });
  }

  it('a failed fit takes what depends on it along', () => {
    const spectrum = AWKWARD['rank 1']!;
    const metrics = spectralMetrics(spectrum);
    const missing = missingMetrics(spectrum, metrics);
    assert.match(missing.alpha!, /a fit needs 10 eigenvalues above zero and finds 1/);
    for (const key of ['alpha_weighted', 'log_alpha_norm', 'ww_pl_tail_mass']) {
      assert.equal(metrics[key], null);
      assert.equal(missing[key], `there is no alpha: ${missing.alpha!}`);
    }
    assert.equal(missing.entropy, 'the rank is 1');
    assert.match(missing.sigma_mp!, /half of the eigenvalues are zero/);
    assert.match(missing.condition_number!, /numerical zero/);
    // An outlier so large that all else is rounding beside it.
    assert.match(AWKWARD['one huge outlier']!.fits.KS!.reason!, /finds 1$/);
  });
});
