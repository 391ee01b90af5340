/** Norms by quadrature against incomplete gamma and error functions that mpmath evaluated, and likeliest parameters. */
import assert from 'node:assert/strict';
import { erfc } from '../../../../extension/spectral/tail/errorFunction';
import { fitFamily, moments, type Statistic } from '../../../../extension/spectral/tail/exponentialFamily';
import fixtures from './tailFixtures.json';

const square: Statistic = { value: (y) => y * y, slope: (y) => 2 * y };
const rise: Statistic = { value: (y) => Math.expm1(y) - y, slope: Math.expm1 };

function assertNear(ours: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(ours - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${ours} and not ${expected}`);
}

describe('exponential families on y ≥ 0', () => {
  it('have the norm E_α(c)·e^c with T = e^y − 1 − y', () => {
    for (const [alpha, c, expected] of fixtures.expint) {
      assertNear(moments(rise, 1 - alpha! - c!, -c!).logNorm, expected!, 1e-12);
    }
  });

  it('have the norm of a normal law cut off at 0 with T = y²', () => {
    for (const [mean, sigma, expected] of fixtures.normal) {
      const square0 = mean! ** 2 / (2 * sigma! ** 2);
      const { logNorm } = moments(square, mean! / sigma! ** 2, -1 / (2 * sigma! ** 2));
      assert.ok(Math.abs(logNorm - square0 - expected!) <= 1e-13 * Math.max(1, square0, Math.abs(expected!)));
    }
  });

  it('have the moments of the half normal law', () => {
    const found = moments(square, 0, -0.5);
    assertNear(found.y, Math.sqrt(2 / Math.PI), 1e-14);
    assertNear(found.t, 1, 1e-14);
    assertNear(found.varianceY, 1 - 2 / Math.PI, 1e-13);
    assertNear(found.varianceT, 2, 1e-13);
    assertNear(found.covariance, Math.sqrt(2 / Math.PI), 1e-13);
  });

  it('are fitted to the means they have', () => {
    for (const statistic of [square, rise]) {
      for (const [theta1, theta2] of [
        [-3, -1e-4],
        [0, -0.5],
        [40, -30],
        [-1e5, -1e9],
        [0.5, -1e-6],
      ] as const) {
        const { y, t, logNorm } = moments(statistic, theta1, theta2);
        const fit = fitFamily(statistic, y, t);
        assert.ok(fit !== 'limit');
        assert.ok(Math.abs(fit.theta1 - theta1) < 1e-5 * (1 + Math.abs(theta1)), `${fit.theta1} and not ${theta1}`);
        assertNear(fit.theta2 / theta2, 1, 1e-5);
        assertNear(fit.logNorm, logNorm, 1e-6);
      }
    }
  });

  it('end in the exponential law where y² or e^y is as large as it has them', () => {
    assert.equal(fitFamily(square, 1, 2), 'limit');
    assert.equal(fitFamily(square, 0.3, 0.5), 'limit');
    // E(e^y − 1 − y) of rate 3 is 1/(3·2).
    assert.equal(fitFamily(rise, 1 / 3, 1 / 6), 'limit');
    assert.ok(fitFamily(rise, 1 / 3, 1 / 6 - 1e-3) !== 'limit');
  });
});

describe('complementary error function', () => {
  it('equals scipy’s', () => {
    for (const [x, expected] of fixtures.erfc) assert.ok(Math.abs(erfc(x!) / expected! - 1) < 1e-14, `erfc(${x!})`);
    assert.equal(erfc(30), 0);
  });

  it('is for arguments that are not negative', () => {
    assert.throws(() => erfc(-1), RangeError);
    assert.throws(() => erfc(NaN), RangeError);
  });
});
