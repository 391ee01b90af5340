/** Where a filter's damped interval ends, on diagonal matrices, whose eigenvalues are what stands there. */
import assert from 'node:assert/strict';
import { dampedInterval } from '../../../../extension/linalg/eigen/dampedInterval';
import type { BandMatrix } from '../../../../extension/linalg/kernels/bandMatrix';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';

const N = 400;
const K = 50;
const EXTRA = 20;

function diagonal(values: readonly number[]): BandMatrix {
  return { n: values.length, width: 1, rows: Float64Array.from(values.flatMap((value) => [0, value])), scale: 1 };
}

function boundsOf(values: readonly number[]): { counts: number; bounds: ReturnType<typeof dampedInterval> } {
  let counts = 0;
  const bounds = dampedInterval(diagonal(values), K, EXTRA, { kernels: loadKernels(), poll: () => counts++ });
  return { counts, bounds };
}

const above = (values: readonly number[], bound: number): number => values.filter((value) => value > bound).length;

describe('the interval that a filter damps', () => {
  const spectra = {
    'even values': Array.from({ length: N }, (_, i) => 1 - i / N),
    'a power law': Array.from({ length: N }, (_, i) => (i + 1) ** -2),
    'a steep power law': Array.from({ length: N }, (_, i) => (i + 1) ** -4),
    'an exponential decay': Array.from({ length: N }, (_, i) => Math.exp(-i / 20)),
    'an outlier': [1e6, ...Array.from({ length: N - 1 }, (_, i) => 1 - i / N)],
  };
  for (const [name, values] of Object.entries(spectra)) {
    it(`of ${name} ends among the extra vectors, after few counts`, () => {
      const { bounds, counts } = boundsOf(values);
      assert.ok(bounds && bounds.damped.low === 0);
      const damped = above(values, bounds.damped.high);
      assert.ok(damped >= K + 0.6 * EXTRA && damped <= K + 0.95 * EXTRA, `${damped} above it`);
      const kept = above(values, bounds.kept);
      assert.ok(kept >= K && kept <= K + 0.2 * EXTRA, `${kept} above the k-th`);
      assert.ok(bounds.largest >= values[0]! && bounds.largest <= 1.5 * values[0]!);
      assert.ok(counts <= 20, `${counts} counts`);
    });
  }

  it('ends below a plateau that has more values than there are extra vectors', () => {
    const values = Array.from({ length: N }, (_, i) => (i < 30 ? 3 : i < 200 ? 1 : 0.1));
    const { bounds } = boundsOf(values);
    assert.ok(bounds && bounds.damped.high > 0.6 && bounds.damped.high < 0.8, String(bounds?.damped.high));
    assert.ok(bounds.kept > 0.9 && bounds.kept <= 1, String(bounds.kept));
  });

  it('is rounding noise where fewer values are left', () => {
    const { bounds } = boundsOf(Array.from({ length: N }, (_, i) => (i < 10 ? 1 : 0)));
    assert.ok(bounds && bounds.damped.high < 1e-12 && bounds.kept < 1e-11);
  });

  it('does not exist for a zero matrix', () => {
    assert.equal(boundsOf(new Array<number>(N).fill(0)).bounds, undefined);
  });
});
