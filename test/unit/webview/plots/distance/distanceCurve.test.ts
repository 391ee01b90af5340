/** D against xmin: against WeightWatcher's own D's, and the quadratic search over every tail. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LogTail } from '../../../../../extension/spectral/tail/logTail';
import { lowerBound } from '../../../../../extension/spectral/tail/bounds';
import { fitPowerLaw } from '../../../../../extension/spectral/tail/powerLaw';
import { DistanceCurve, MOST_STARTS } from '../../../../../webview/plots/distance/distanceCurve';
import { spectrumShapes, uniform } from '../../../../harness/numbers/hardSpectra';
import { quadraticSearch } from '../../../../harness/numbers/quadraticSearch';
import { repositoryRoot } from '../../../../harness/shared';

interface Fixture {
  name: string;
  eigenvalues: number[];
  Ds: number[];
  alphas: number[];
  xmin: number;
}

const { fixtures } = JSON.parse(
  readFileSync(path.join(repositoryRoot, 'test/unit/webview/plots/distance/distanceFixtures.json'), 'utf8'),
) as { fixtures: Fixture[] };

const OPTIONS = { zeroFilter: true, zero: 0 };

function whole(values: Float64Array, fitted: number, options = OPTIONS): DistanceCurve {
  const curve = new DistanceCurve(values, fitted, options);
  assert.equal(
    curve.work(() => true),
    true,
  );
  return curve;
}

describe('D against xmin', () => {
  for (const { name, eigenvalues, Ds, alphas, xmin } of fixtures) {
    it(`has WeightWatcher's D and alpha at every xmin: ${name}`, () => {
      const values = Float64Array.from(eigenvalues);
      const { points } = whole(values, values.indexOf(xmin));
      assert.equal(points.length, Ds.length);
      points.forEach(({ start, D, alpha }, i) => {
        assert.equal(start, i);
        // Its sums of logarithms cancel, ours do not.
        assert.ok(Math.abs(alpha / alphas[i]! - 1) < 1e-9, `alpha ${alpha} and not ${alphas[i]!}`);
        assert.ok(Math.abs(D - Ds[i]!) < 1e-9, `D ${D} and not ${Ds[i]!}`);
      });
      const best = points.reduce((least, point) => (point.D < least.D ? point : least));
      assert.equal(values[best.start], xmin);
    });
  }

  for (const name of ['Pareto', 'bulk with a tail', 'many ties', 'clusters'] as const) {
    it(`has its smallest D where the quadratic search finds it, among few and many values: ${name}`, () => {
      for (const count of [300, 3000]) {
        const values = spectrumShapes[name]!(count, uniform(count));
        const tail = new LogTail(values, 0);
        const best = quadraticSearch(tail, 0, count - 1)!;
        const curve = whole(values, best.index);
        assert.ok(curve.starts.length <= MOST_STARTS);
        const least = curve.points.reduce((a, b) => (b.D < a.D ? b : a));
        assert.deepEqual(least, { start: best.index, alpha: best.alpha, D: best.D });
      }
    });
  }

  it('measures the same in slices, coarse ones first, and says how far it is', () => {
    const values = spectrumShapes.Pareto!(3000, uniform(3));
    const curve = new DistanceCurve(values, 1234, OPTIONS);
    assert.equal(curve.isDone, false);
    let left = 20;
    assert.equal(
      curve.work(() => --left > 0),
      false,
    );
    assert.equal(curve.points.length, 20);
    const gaps = curve.points.slice(1).map(({ start }, i) => start - curve.points[i]!.start);
    assert.ok(Math.max(...gaps) > 100, 'the first points are spread over the spectrum');
    assert.equal(curve.fraction, 20 / curve.starts.length);
    while (!curve.work(() => false));
    assert.deepEqual(curve.points, whole(values, 1234).points);
    assert.ok(curve.starts.includes(1234));
  });

  it('knows which starts a rule does not take, and why', () => {
    // Dust that the filter drops, a level of equal values, then a tail.
    const dust = Array.from({ length: 20 }, (_, i) => 1e-7 * (i + 1));
    const level = new Array<number>(40).fill(0.5);
    const tail = Array.from({ length: 60 }, (_, i) => 0.6 * ((60 - i - 0.5) / 60) ** (-1 / 1.5));
    const values = Float64Array.from([...dust, ...level, ...tail]);
    const fit = fitPowerLaw(values, 'KS', OPTIONS);
    const curve = whole(values, lowerBound(values, fit.xmin!));
    const KS = curve.ruleOf('KS');
    assert.equal(KS.excludes(0), 'filtered');
    assert.equal(KS.excludes(19), 'filtered');
    assert.equal(KS.filtered, values[19]);
    // The last of the level has half of its tail above it, and so may be an xmin.
    assert.equal(KS.excludes(59), undefined);
    assert.equal(KS.excludes(values.length - 1), 'outside');
    assert.equal(KS.count, 100 - 1);
    const middle = curve.ruleOf('xmin_mid');
    assert.equal(middle.excludes(60), undefined);
    assert.equal(middle.excludes(61), 'outside');
    assert.deepEqual(middle.range, [values[60], values[60]]);
    const mostlyLevel = Float64Array.from([...new Array<number>(100).fill(0.5), ...tail]);
    const flat = whole(mostlyLevel, 110).ruleOf('KS');
    assert.equal(flat.excludes(10), 'level');
    assert.equal(flat.excludes(99), undefined);
    const rounded = whole(values, 60, { ...OPTIONS, rounding: { type: 'BF16', norm: 0.72 } } as never);
    assert.equal(rounded.ruleOf('KS').excludes(30), 'rounding');
    assert.equal(rounded.ruleOf('KS').type, 'BF16');
  });

  it('agrees with every fit: the fitted start is a candidate, and none of the candidates has a smaller D', () => {
    for (const name of Object.keys(spectrumShapes)) {
      const values = spectrumShapes[name]!(350, uniform(11));
      for (const rule of ['KS', 'xmin_peak'] as const) {
        const fit = fitPowerLaw(values, rule, { ...OPTIONS, zeroFilter: rule === 'KS' });
        if (fit.status === 'failed') continue;
        const curve = whole(values, lowerBound(values, fit.xmin!));
        const candidates = curve.points.filter(({ start }) => curve.ruleOf(rule).excludes(start) === undefined);
        const least = candidates.reduce((a, b) => (b.D < a.D ? b : a));
        assert.equal(values[least.start], fit.xmin, name);
        assert.equal(least.D, fit.D, name);
      }
    }
  });

  it('has nothing to measure in a spectrum of zeros and one value', () => {
    const curve = new DistanceCurve(Float64Array.of(0, 0, 0, 1), 3, OPTIONS);
    assert.deepEqual([curve.starts.length, curve.isDone, curve.fraction], [0, true, 1]);
  });
});
