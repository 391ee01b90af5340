/** Every number that is missing says why, and truly so; no number that is there does. On the spectra of awkward matrices. */
import assert from 'node:assert/strict';
import type { FitRule, PowerLawFit, StoredRounding } from '../../../../extension/shared/layers';
import { metricTable, type MetricKey } from '../../../../extension/shared/metricTable';
import { spectralMetrics } from '../../../../extension/spectral/metrics/metrics';
import { MeasuredSpectrum, type LayerSpectrumParts } from '../../../../extension/spectral/metrics/spectrum';
import { fitPowerLaw } from '../../../../extension/spectral/tail/powerLaw';
import { rankSuggestions } from '../../../../extension/spectral/ranks/ranks';
import { tailShape } from '../../../../extension/spectral/tail/tailShape';
import { spectrumShapes, uniform } from '../../../harness/numbers/hardSpectra';

function parts(
  values: readonly number[] | Float64Array,
  { N = 2 * values.length, rounding }: { N?: number; rounding?: StoredRounding } = {},
): LayerSpectrumParts {
  const eigenvalues = Float64Array.from(values).sort();
  const M = eigenvalues.length;
  const fit = (rule: FitRule): PowerLawFit =>
    fitPowerLaw(eigenvalues, rule, { zeroFilter: rule === 'KS', dimension: M, ...(rounding && { rounding }) });
  const fits = { KS: fit('KS'), xmin_mid: fit('xmin_mid'), xmin_peak: fit('xmin_peak') };
  return { eigenvalues, N, M, fits, ...(rounding && { rounding }) };
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const pareto = (count: number, seed: number): Float64Array => spectrumShapes.Pareto!(count, uniform(seed));
const near1 = Array.from({ length: 40 }, (_, i) => 1 + 1e-4 * i);
const steep = Float64Array.from({ length: 64 }, (_, i) => 4e6 ** (-2 * (1 - i / 63)));
const ramp = Float64Array.from({ length: 40 }, (_, i) => i + 1);

const AWKWARD: Readonly<Record<string, LayerSpectrumParts>> = {
  'all zero': parts(zeros(40)),
  'all zero and shuffled': { ...parts(zeros(40)), randomised: [new Float64Array(40), new Float64Array(40)] },
  'rank 1': parts([...zeros(39), 7]),
  'rank 1 with rounding': parts([...new Array<number>(39).fill(1e-17), 7]),
  'one value': parts([3], { N: 500 }),
  'one value, a 1×1 matrix': parts([3], { N: 1 }),
  'two values': parts([1, 2]),
  'an orthogonal matrix': parts(new Array<number>(40).fill(1)),
  'an orthogonal matrix, rounded': parts(near1, { rounding: { type: 'BF16', norm: 0.01 } }),
  'rounding above half of it': parts([...near1.map((value) => 1e-6 * value), 7], {
    rounding: { type: 'F16', norm: 0.1 },
  }),
  'one huge outlier': parts([...pareto(39, 1), 1e60]),
  denormals: parts(Float64Array.from({ length: 40 }, (_, i) => 5e-324 * (i + 1))),
  'near overflow': parts(ramp.map((value) => 1e306 * value)),
  'near overflow, shuffled': {
    ...parts(ramp.map((value) => 4e306 * value)),
    randomised: [1, 0.5, 0.9].map((scale) => ramp.map((value) => 4e306 * value * scale)),
  },
  'half zero': parts([...zeros(30), ...pareto(10, 2)]),
  'a steep Gram spectrum': parts(steep),
  'nothing fitted': { ...parts(pareto(40, 3)), fits: {} },
  'shuffles too small for a bulk': {
    ...parts([1, 2, 3, 9]),
    randomised: [Float64Array.of(1, 2, 4, 8), Float64Array.of(2, 3, 4, 6)],
  },
  ordinary: { ...parts(pareto(60, 4)), randomised: [pareto(60, 5).sort(), pareto(60, 6).sort()] },
};

const FITTED_BY: Partial<Record<MetricKey, FitRule>> = {
  ...{ alpha: 'KS', D: 'KS', xmin: 'KS', xmax: 'KS', num_pl_spikes: 'KS', sigma: 'KS' },
  ...{ alpha_mid: 'xmin_mid', alpha_peak: 'xmin_peak' },
};
const WITH_ALPHA: readonly MetricKey[] = ['alpha_weighted', 'log_alpha_norm', 'ww_pl_tail_mass'];
const BULK: readonly MetricKey[] = ['sigma_mp', 'lambda_plus', 'num_spikes', 'mp_softrank'];
const BULK_OF_SHUFFLES: MetricKey = 'rand_num_spikes';
const OF_WEIGHTWATCHER: readonly MetricKey[] = ['ww_sigma_mp', 'ww_num_spikes', 'ww_mp_softrank'];
const SPECTRUM: readonly MetricKey[] = [
  ...(['log_spectral_norm', 'log_norm', 'stable_rank', 'log_lipschitz', 'effective_rank', 'entropy'] as const),
  ...(['von_neumann_entropy', 'condition_number', 'detX_num', 'rand_distance'] as const),
];

/** Numbers of every spectrum. */
const NEVER_MISSING: readonly MetricKey[] = [
  ...(['spectral_norm', 'nuclear_norm', 'matrix_rank', 'rank_loss', 'weak_rank_loss'] as const),
  ...(['max_rand_eval', 'rand_edge_mean', 'rand_edge_sd', 'num_above_rand'] as const),
];

interface Reason {
  says: RegExp;
  /** Numbers that it may be said of. */
  of: readonly MetricKey[];
  /** Checked on the eigenvalues alone, by other means than the code's own. */
  isTrue: (about: LayerSpectrumParts, key: MetricKey, found: RegExpExecArray) => boolean;
}

const largest = ({ eigenvalues }: LayerSpectrumParts): number => Math.max(0, ...eigenvalues);
const above = (about: LayerSpectrumParts, bound: number): number =>
  about.eigenvalues.filter((value) => value > bound).length;
const noise = (about: LayerSpectrumParts): number => about.M * 2 ** -52 * largest(about);
const isInfinite = ({ eigenvalues }: LayerSpectrumParts): boolean =>
  !Number.isFinite(eigenvalues.reduce((sum, value) => sum + value, 0));
const fitKeys = Object.keys(FITTED_BY) as MetricKey[];

const REASONS: readonly Reason[] = [
  {
    says: /^all eigenvalues are zero$/,
    of: [...fitKeys, ...BULK, BULK_OF_SHUFFLES, ...OF_WEIGHTWATCHER, ...SPECTRUM],
    isTrue: ({ eigenvalues }) => eigenvalues.every((value) => value === 0),
  },
  { says: /^the rank is 1$/, of: ['entropy'], isTrue: (about) => above(about, noise(about)) === 1 },
  {
    says: /^it was not fitted$/,
    of: fitKeys,
    isTrue: ({ fits }, key) => fits[FITTED_BY[key]!] === undefined,
  },
  {
    says: /^a fit needs 10 eigenvalues above zero and finds (\d+)$/,
    of: fitKeys,
    isTrue: (about, _, [, found]) => Number(found) < 10 && above(about, noise(about)) >= Number(found),
  },
  {
    says: /^a fit needs 10 eigenvalues above (zero|the rounding of F16) and finds (\d+) of (\d+) in each matrix$/,
    of: fitKeys,
    isTrue: (about, _, [, , found, of]) =>
      Number(found) === above(about, Math.max(noise(about), (about.rounding?.norm ?? 0) ** 2)) &&
      Number(of) === about.M,
  },
  {
    says: /^the eigenvalues above zero have no spread( beyond the rounding of (BF16|F16))?$/,
    of: [...fitKeys, 'detX_num'],
    isTrue: (about, _, [, rounded]) => {
      const norm = about.rounding?.norm ?? 0;
      const positive = about.eigenvalues.filter((value) => value > Math.max(noise(about), norm ** 2));
      const spread = Math.sqrt(largest(about)) - Math.sqrt(Math.min(...positive));
      return (rounded !== undefined) === norm > 0 && spread <= 2 * norm + 1e-12;
    },
  },
  {
    says: /^the upper half of the eigenvalues has no spread$/,
    of: ['alpha_mid'],
    isTrue: (about) => {
      const upper = about.eigenvalues.slice(about.M >> 1);
      return largest(about) - upper[0]! <= noise(about);
    },
  },
  {
    says: /^(\d+) eigenvalues are too few, a fit needs 10$/,
    of: [...BULK, BULK_OF_SHUFFLES],
    isTrue: ({ M }, _, [, count]) => Number(count) === M && M < 10,
  },
  {
    says: /^at least half of the eigenvalues are zero$/,
    of: [...BULK, 'alpha_mid'],
    isTrue: (about) => 2 * above(about, noise(about)) <= about.M,
  },
  {
    says: /^at least half of the eigenvalues lie within the rounding of (.*)$/,
    of: BULK,
    isTrue: (about, _, [, type]) =>
      2 * above(about, about.rounding!.norm ** 2) <= about.M && type === about.rounding!.type,
  },
  {
    // Far from every law are spectra with no breadth, or with more breadth than any.
    says: /^no Marchenko–Pastur law comes nearer to the bulk than (0\.\d\d) \(rms\)$/,
    of: BULK,
    isTrue: (about, _, [, distance]) => {
      const quartile = (share: number): number => about.eigenvalues[Math.floor(share * about.M)]!;
      const breadth = quartile(0.45) / quartile(0.05);
      return Number(distance) >= 0.2 && (breadth < 1.1 || breadth > 10);
    },
  },
  {
    says: /^the sum of the eigenvalues is beyond the largest float64$/,
    of: OF_WEIGHTWATCHER,
    isTrue: isInfinite,
  },
  {
    says: /^a step of its computation leaves the range of float64$/,
    of: ['lambda_plus'],
    isTrue: (about) => largest(about) > 2 ** 1023,
  },
  { says: /^it is beyond the largest float64$/, of: ['norm'], isTrue: isInfinite },
  {
    says: /^the smallest singular value is a numerical zero$/,
    of: ['condition_number'],
    isTrue: (about) => Math.min(...about.eigenvalues) <= noise(about),
  },
  {
    says: /^it is about (\S+), and a float64 Gram matrix does not tell such a ratio to 0\.1 %$/,
    of: ['condition_number'],
    isTrue: (about, _, [, ratio]) => {
      const exact = Math.sqrt(largest(about) / Math.min(...about.eigenvalues));
      return Math.abs(Number(ratio) / exact - 1) < 0.5 && exact > 1e6 && about.resolved !== true;
    },
  },
];

function assertTrue(name: string, about: LayerSpectrumParts, key: MetricKey, reason: string): void {
  if (WITH_ALPHA.includes(key)) {
    assert.ok(reason.startsWith('there is no alpha: '), `${name}, ${key}: ${reason}`);
    assertTrue(name, about, 'alpha', reason.slice('there is no alpha: '.length));
    return;
  }
  const said = REASONS.filter(({ says }) => says.test(reason));
  assert.equal(said.length, 1, `${name}, ${key}: ${reason}`);
  const { says, of, isTrue } = said[0]!;
  assert.ok(of.includes(key), `${name}: “${reason}” is no reason for ${key}`);
  assert.ok(isTrue(about, key, says.exec(reason)!), `${name}, ${key}: ${reason}`);
}

describe('missing numbers', () => {
  for (const [name, about] of Object.entries(AWKWARD)) {
    it(`are explained truly, and the others finite: ${name}`, () => {
      const spectrum = new MeasuredSpectrum(about);
      const { metrics, missing } = spectralMetrics(spectrum);
      for (const [key, value] of Object.entries(metrics) as [MetricKey, number | null][]) {
        if (value === null) assertTrue(name, about, key, missing[key] ?? '');
        else assert.ok(Number.isFinite(value) && missing[key] === undefined, `${key}: ${value}`);
      }
      const { eigenvalues, N, M, fits } = about;
      const { ranks, missing: absent } = rankSuggestions(spectrum, N, M);
      for (const { rank, error } of Object.values(ranks)) assert.ok(Number.isInteger(rank) && error >= 0 && error <= 1);
      for (const rule of ['mp_spikes', 'hard_threshold', 'erg']) {
        if (eigenvalues.at(-1)! > 0) assert.notEqual(`rank_${rule}` in absent, rule in ranks, rule);
      }
      if (!fits.KS) return;
      const shape = tailShape(eigenvalues, fits.KS);
      assert.equal(shape.status, fits.KS.status);
      if (shape.status === 'failed') assert.match(shape.reason!, /no power law was fitted: \w/);
    });
  }

  it('are seen of every metric that can be missing, for every reason', () => {
    const all = Object.values(AWKWARD).map((about) => spectralMetrics(new MeasuredSpectrum(about)).missing);
    const seen = new Set(all.flatMap((missing) => Object.keys(missing)));
    const expected = metricTable.map(({ key }) => key).filter((key) => !NEVER_MISSING.includes(key));
    assert.deepEqual([...seen].sort(), [...expected].sort());
    const said = all.flatMap((missing) => Object.values(missing));
    for (const { says } of REASONS)
      assert.ok(
        said.some((reason) => says.test(reason)),
        String(says),
      );
  });

  it('a failed fit takes what depends on it along', () => {
    const { metrics, missing } = spectralMetrics(new MeasuredSpectrum(AWKWARD['rank 1']!));
    assert.match(missing.alpha!, /a fit needs 10 eigenvalues above zero and finds 1/);
    for (const key of WITH_ALPHA) {
      assert.equal(metrics[key], null);
      assert.equal(missing[key], `there is no alpha: ${missing.alpha!}`);
    }
    // An outlier so large that all else is rounding beside it.
    assert.match(AWKWARD['one huge outlier']!.fits.KS!.reason!, /finds 1$/);
  });

  it('a number that leaves the range of float64 is missing, and not Infinity', () => {
    const eigenvalues = ramp.map((value) => 4e306 * value);
    const wild: PowerLawFit = { ...fitPowerLaw(ramp, 'KS'), alpha: 1e308 };
    const { metrics, missing } = spectralMetrics(
      new MeasuredSpectrum({ eigenvalues, N: 80, M: 40, fits: { KS: wild } }),
    );
    assert.equal(metrics.alpha_weighted, null);
    assert.match(missing.alpha_weighted!, /range of float64/);
  });

  it('the bulk of a spectrum is fitted once, for all metrics and ranks', () => {
    const spectrum = new MeasuredSpectrum(AWKWARD.ordinary!);
    const { bulk } = spectrum;
    const { metrics } = spectralMetrics(spectrum);
    rankSuggestions(spectrum, spectrum.N, spectrum.M);
    assert.equal(spectrum.bulk, bulk);
    assert.ok(bulk.status === 'failed' ? metrics.sigma_mp === null : metrics.sigma_mp === bulk.sigma_mp);
  });
});
