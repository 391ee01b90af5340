/** The comparison with golden numbers itself: it must see every deviation, and explain only what it may. */
import assert from 'node:assert/strict';
import { spectralMetrics } from '../../extension/spectral/metrics/metrics';
import { MeasuredSpectrum } from '../../extension/spectral/metrics/spectrum';
import { fitPowerLaw, tailAt } from '../../extension/spectral/tail/powerLaw';
import { alphaRange } from '../../extension/shared/verdict';
import { compareWithGolden, WARNINGS, type Comparison, type Golden, type InspectedCheckpoint } from '../harness/golden';

const eigenvalues = Float64Array.from(
  { length: 40 },
  (_, i) => ((40 - i - 0.5) / 40) ** -0.8 * (1 + 0.1 * Math.sin(i)),
);
eigenvalues.sort();

type Layer = InspectedCheckpoint['layers'][number];

function inspected(change: (layer: Layer) => Partial<Layer> = () => ({})): InspectedCheckpoint {
  const fits = {
    KS: fitPowerLaw(eigenvalues, 'KS'),
    xmin_mid: fitPowerLaw(eigenvalues, 'xmin_mid'),
    xmin_peak: fitPowerLaw(eigenvalues, 'xmin_peak'),
  };
  const { metrics } = spectralMetrics(new MeasuredSpectrum({ eigenvalues, N: 60, M: 40, fits }));
  const farms: Layer['farms'] = {
    ...fits.xmin_mid,
    ...{ windows: 1, windows_total: 1, window: [40, 40], mode: 'full' },
    ...{ num_row_samples: 100, Q_ratio: 1, sampling_ops_per_dim: 10 },
  };
  const about = { name: 'fc.weight', tensor: 'fc.weight', dtype: 'F32', N: 60, M: 40 } as const;
  const layer: Layer = { ...about, shape: [60, 40], metrics, fits, farms };
  return { checkpoint: { tensors: 1, parameters: 2400 }, layers: [{ ...layer, ...change(layer) }] };
}

/** What a reference with the very same numbers would have printed. */
function golden(): Golden {
  const { metrics, fits } = inspected().layers[0]!;
  const warning = WARNINGS[alphaRange(metrics.alpha!)];
  const pair = (rule: 'KS' | 'xmin_mid' | 'xmin_peak') => ({ alpha: fits[rule]!.alpha!, D: fits[rule]!.D! });
  return {
    checkpoint: 'made/model.safetensors',
    tensors: 1,
    parameters: 2400,
    layers: {
      'fc.weight': {
        shape: [60, 40],
        esd: { count: 40, min: eigenvalues[0]!, quartiles: [], max: eigenvalues[39]! },
        fits: { KS: pair('KS'), xmin_mid: pair('xmin_mid'), xmin_peak: pair('xmin_peak') },
        farms: [
          {
            ...{ num_row_samples: 100, Q_ratio: 1, sampling_ops_per_dim: 10, fit: 'xmin_mid' },
            ...pair('xmin_mid'),
          },
        ],
      },
    },
    weightwatcher: { details: [{ ...(metrics as Record<string, number>), name: 'fc', N: 60, M: 40, warning }] },
  };
}

const compare = (reference: Golden, ours = inspected()): Comparison =>
  compareWithGolden(reference, ours, () => eigenvalues);

describe('comparison with golden numbers', () => {
  it('accepts the same numbers, and counts them', () => {
    const { checked, explained, failures } = compare(golden());
    assert.deepEqual(failures, []);
    assert.equal(explained, 0);
    // 2 totals, shape, 2 fits, FARMS, alpha, 20 columns.
    assert.equal(checked, 27);
  });

  it('sees a missing layer, other totals and another shape', () => {
    const none = { ...inspected(), layers: [] };
    assert.match(compare(golden(), none).failures.join(), /fc.weight: missing/);
    assert.match(compare({ ...golden(), tensors: 2 }).failures.join(), /tensors: 1 and not 2/);
    const turned = inspected(() => ({ shape: [40, 60] }));
    assert.match(compare(golden(), turned).failures.join(), /shape/);
  });

  it('sees every column that moves by more than a thousandth', () => {
    const columns = Object.keys(golden().weightwatcher!.details[0]!).filter((key) => key !== 'name');
    const seen = columns.filter((column) => {
      const reference = golden();
      const record = reference.weightwatcher!.details[0]!;
      record[column] = (record[column] as number) * 1.01 + 0.01;
      return compare(reference).failures.length > 0;
    });
    assert.deepEqual(seen.sort(), [
      ...[
        'D',
        'M',
        'N',
        'alpha',
        'alpha_weighted',
        'detX_num',
        'entropy',
        'log_alpha_norm',
        'log_norm',
        'log_spectral_norm',
      ],
      ...['matrix_rank', 'norm', 'num_pl_spikes', 'rank_loss', 'sigma', 'spectral_norm', 'stable_rank'],
      ...['warning', 'weak_rank_loss', 'xmax', 'xmin'],
    ]);
  });

  it('sees FARMS and the other fits, and leaves other settings alone', () => {
    const other = golden();
    other.layers['fc.weight']!.farms[0]!.alpha += 0.01;
    other.layers['fc.weight']!.farms[0]!.D += 0.01;
    assert.match(compare(other).failures.join(), /FARMS/);
    other.layers['fc.weight']!.farms[0]!.Q_ratio = 2;
    assert.deepEqual(compare(other).failures, []);
    const peak = golden();
    peak.layers['fc.weight']!.fits!.xmin_peak!.alpha += 0.01;
    assert.match(compare(peak).failures.join(), /xmin_peak/);
    const failed = inspected(({ fits }) => ({
      fits: { ...fits, xmin_mid: fitPowerLaw(new Float64Array(20), 'xmin_mid') },
    }));
    assert.match(compare(golden(), failed).failures.join(), /no fit/);
  });

  it('explains another tail start with the same D, and no other', () => {
    // A spectrum with two tail starts of the same D: 1/3 from the first value on and from the fourth on.
    const twofold = Float64Array.of(1, 1, 1, 8, 8, 32);
    const [first, fourth] = [tailAt(twofold, 0), tailAt(twofold, 3)];
    const reference = golden();
    delete reference.weightwatcher;
    delete reference.layers['fc.weight']!.fits!.xmin_mid;
    reference.layers['fc.weight']!.farms = [];
    reference.layers['fc.weight']!.fits!.xmin_peak = fourth;
    const ours = inspected(({ fits }) => ({ fits: { ...fits, xmin_peak: { ...fits.xmin_peak!, ...first } } }));
    const explained = compareWithGolden(reference, ours, () => twofold);
    assert.deepEqual([explained.explained, explained.failures], [1, []]);
    // Without the spectrum the equal D must do.
    assert.equal(compareWithGolden(reference, ours).explained, 1);
    // On a spectrum without such a tail the same numbers are a failure.
    assert.equal(compareWithGolden(reference, ours, () => eigenvalues).failures.length, 1);
  });
});
