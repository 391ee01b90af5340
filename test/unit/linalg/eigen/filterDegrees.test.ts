import assert from 'node:assert/strict';
import { FilterDegrees } from '../../../../extension/linalg/eigen/filterDegrees';

function passes(degrees: FilterDegrees): number[] {
  const made: number[] = [];
  for (let degree = degrees.next(); degree !== undefined; degree = degrees.next()) made.push(degree);
  return made;
}

/** T_degree by its definition, outside of [−1, 1]; the damped interval is [0, 1]. */
const polynomial = (degree: number, value: number): number => Math.cosh(degree * Math.acosh(2 * value - 1));

describe('degrees of the filter', () => {
  for (const [largest, kept] of [
    [1.5, 1.05],
    [4, 1.1],
    [100, 1.3],
    [1e5, 1.5],
    [1.2, 1.2],
  ] as const) {
    it(`gain enough and lose little to rounding: λ₁ = ${largest}, λ_k = ${kept}`, () => {
      const degrees = new FilterDegrees({ largest, kept, damped: { low: 0, high: 1 } });
      assert.equal(degrees.areTooMany, false);
      const made = passes(degrees);
      const gained = made.reduce((product, degree) => product * polynomial(degree, kept), 1);
      assert.ok(gained >= 3e5, `${gained}`);
      const step = Math.exp(Math.acosh(2 * kept - 1));
      assert.ok(gained < 3e5 * step ** made.length, `no degree too many: ${made.join()}`);
      made.forEach((degree, pass) => {
        const growth = polynomial(degree, largest) / (pass === 0 ? 1 : polynomial(degree, kept));
        assert.ok(degree === 1 || growth <= (pass === 0 ? 3e8 : 1e10), `pass ${pass}: ${growth}`);
      });
      assert.equal(degrees.share, 1);
      degrees.add(1000);
      const more = passes(degrees).reduce((product, degree) => product * polynomial(degree, kept), 1);
      assert.ok(more >= 999);
    });
  }

  it('are as few and as alike as they may be', () => {
    const made = passes(new FilterDegrees({ largest: 2, kept: 1.02, damped: { low: 0, high: 1 } }));
    const [first, ...others] = made;
    assert.ok(made.length >= 3 && first! < others[0]!, made.join());
    assert.ok(Math.max(...others) - Math.min(...others) <= 1, made.join());
  });

  it('are too many where nothing stands apart', () => {
    const degrees = (kept: number) => new FilterDegrees({ largest: 2, kept, damped: { low: 0, high: 1 } });
    assert.equal(degrees(1).areTooMany, true);
    assert.equal(degrees(1 + 1e-5).areTooMany, true);
    assert.equal(degrees(1.01).areTooMany, false);
  });
});
