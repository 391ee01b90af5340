/** What is said of D against xmin: why the rule's xmin is there, even if D is smaller elsewhere. */
import assert from 'node:assert/strict';
import type { FitRule } from '../../../../../extension/shared/layers';
import { lowerBound } from '../../../../../extension/spectral/tail/bounds';
import { fitPowerLaw, tailAt } from '../../../../../extension/spectral/tail/powerLaw';
import { DistanceCurve } from '../../../../../webview/plots/distance/distanceCurve';
import { distanceFinding } from '../../../../../webview/plots/distance/distanceFinding';

const quantiles = (count: number, from: number, alpha: number): number[] =>
  Array.from({ length: count }, (_, i) => from * ((count - i - 0.5) / count) ** (-1 / (alpha - 1)));

/** A bulk below, a power law with alpha 2.5 from 2 on. */
const spectrum = Float64Array.from([
  ...Array.from({ length: 150 }, (_, i) => 0.5 + (1.4 * i) / 150),
  ...quantiles(100, 2, 2.5),
]);

function said(values: Float64Array, rule: FitRule, zeroFilter: boolean, moved?: number): string {
  const fit = fitPowerLaw(values, rule, { zeroFilter: zeroFilter && rule === 'KS', zero: 0 });
  const fitted = lowerBound(values, fit.xmin!);
  const curve = new DistanceCurve(values, fitted, { zeroFilter, zero: 0 });
  curve.work(() => true);
  const { points } = curve;
  const by = moved === undefined ? {} : { moved: { start: moved, ...tailAt(values, moved) } };
  return distanceFinding({ eigenvalues: values, points, rule: curve.ruleOf(rule), fitted, ...by });
}

describe('why xmin is where it is', () => {
  it('is the smallest D of all candidates, and how far alpha hangs on it', () => {
    assert.match(
      said(spectrum, 'KS', true),
      /^KS takes the xmin with the smallest D of 249 candidates: D 0\.\d+ at xmin [\d.]+\.( Around it, D stays within 10% from xmin [\d.]+ to [\d.]+, where alpha (lies between [\d.]+ and|stays) [\d.]+\.)?$/,
    );
  });

  it('is the middle whatever D is, and D is smaller elsewhere', () => {
    assert.match(
      said(spectrum, 'xmin_mid', true),
      /^xmin_mid takes the middle eigenvalue, whatever its D: D [\d.]+ at xmin 1\.\d+\. D is smaller, 0\.0\d+, at xmin [\d.]+, which it does not take: it is not the middle one\./,
    );
  });

  it('is near the peak, and D is smaller beyond', () => {
    const narrow = Array.from({ length: 150 }, (_, i) => 0.1 + (0.02 * i) / 150);
    assert.match(
      said(Float64Array.from([...narrow, ...quantiles(100, 2, 2.5)]), 'xmin_peak', true),
      /^xmin_peak takes the smallest D near the peak of the spectrum, from xmin [\d.]+ to [\d.]+: D [\d.]+ at xmin [\d.]+\. D is smaller, 0\.0\d+, at xmin [\d.]+, which it does not take: it is not near the peak\./,
    );
  });

  it('tells over which xmin D is as good, and no farther where it is better', () => {
    const [, from, to] = / stays within 10% from xmin ([\d.]+) to ([\d.]+),/.exec(said(spectrum, 'xmin_mid', true))!;
    const curve = new DistanceCurve(spectrum, 125, { zeroFilter: true, zero: 0 });
    curve.work(() => true);
    const own = curve.points.find(({ start }) => start === 125)!.D;
    for (const { start, D } of curve.points) {
      const xmin = spectrum[start]!;
      if (xmin > 1.005 * Number(from) && xmin < 0.995 * Number(to))
        assert.ok(Math.abs(D / own - 1) <= 0.1, `xmin ${xmin}`);
    }
    assert.ok(Number(from) <= spectrum[125]! * 1.005 && Number(to) >= spectrum[125]! * 0.995);
  });

  it('says that the filter dropped the start with the smallest D', () => {
    // A power law over all of it, a fifth below the filter; noise above makes later starts worse.
    const values = Float64Array.from(quantiles(200, 8e-6, 2.5)).map((value, i) => value * (1 + 0.02 * ((i * 7) % 5)));
    values.sort();
    const text = said(values, 'KS', true);
    assert.match(
      text,
      /D is smaller, [\d.]+, at xmin 8.*E-6, which it does not take: eigenvalues up to .*E-6 are dropped before the fit\./,
    );
  });

  it('tells D and alpha at the xmin chosen by hand', () => {
    const { alpha, D } = tailAt(spectrum, 40);
    const text = said(spectrum, 'KS', true, 40);
    const [, xmin, shownD, shownAlpha] =
      / At the xmin chosen by hand, ([\d.]+), D is ([\d.]+) and alpha ([\d.]+)\.$/.exec(text)!;
    assert.ok(Math.abs(Number(xmin) / spectrum[40]! - 1) < 5e-3);
    assert.ok(Math.abs(Number(shownD) / D - 1) < 5e-3);
    assert.ok(Math.abs(Number(shownAlpha) / alpha - 1) < 5e-3);
  });
});
