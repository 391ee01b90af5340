/** The search by bounds against the search of every tail: the same index, alpha and D to the last bit. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hasSmallerDistance, smallestDistance } from '../../../../extension/spectral/tail/kolmogorovSmirnov';
import { LogTail } from '../../../../extension/spectral/tail/logTail';
import { spectrumShapes, uniform } from '../../../harness/numbers/hardSpectra';
import { quadraticSearch } from '../../../harness/numbers/quadraticSearch';

function assertSame(values: Float64Array, numericalZero = 0): void {
  const tail = new LogTail(values, numericalZero);
  const last = values.length - 1;
  const expected = quadraticSearch(tail, tail.first, last);
  assert.deepEqual(smallestDistance(tail, tail.first, last), expected);
  // A part of the candidates, as `xmin_peak` has them.
  const [from, to] = [tail.first + Math.floor((last - tail.first) / 3), Math.floor((2 * last) / 3)];
  assert.deepEqual(smallestDistance(tail, from, to), quadraticSearch(tail, from, to));
  if (!expected) return;
  assert.equal(hasSmallerDistance(tail, tail.first, last, expected.D), false);
  assert.equal(hasSmallerDistance(tail, tail.first, last, expected.D * (1 + 1e-12)), true);
}

describe('search for the smallest Kolmogorov–Smirnov distance', () => {
  for (const [name, shape] of Object.entries(spectrumShapes)) {
    for (const count of [33, 500, 2500]) {
      it(`equals the quadratic search on ${count} values: ${name}`, () => {
        assertSame(shape(count, uniform(count)));
      });
    }
  }

  it('equals the quadratic search on any values', () => {
    const value = fc.oneof(
      fc.double({ min: 1e-12, max: 1e12, noNaN: true }),
      fc.integer({ min: 0, max: 5 }),
      fc.constantFrom(5e-324, 1e-308, 1, 1 + Number.EPSILON, 1e300),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), (list) =>
        assertSame(Float64Array.from(list).sort()),
      ),
      { numRuns: 500 },
    );
  });

  it('equals the quadratic search where zeros come first', () => {
    const values = spectrumShapes.Pareto!(300, uniform(5));
    assertSame(Float64Array.from([...new Array<number>(100).fill(0), ...values]));
    assertSame(Float64Array.from([...new Array<number>(100).fill(1e-17), ...values]), 1e-16);
  });

  it('finds nothing where no tail has a spread', () => {
    for (const values of [new Float64Array(40).fill(3), new Float64Array(40), new Float64Array(0)]) {
      const tail = new LogTail(values, 0);
      assert.equal(smallestDistance(tail, tail.first, values.length - 1), undefined);
      assert.equal(hasSmallerDistance(tail, tail.first, values.length - 1, Infinity), false);
    }
  });
});
