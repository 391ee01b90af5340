/** WeLore's threshold: ranks by hand, and a bisection that meets its target. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { weloreRanks, weloreRanksAt, type WeloreLayer } from '../../../../extension/shared/ranks/welore';

const layer = (name: string, ...singularValues: number[]): WeloreLayer => ({
  name,
  singularValues: Float64Array.from(singularValues),
});

describe('WeLore', () => {
  it('keeps normalised singular values at or above the threshold', () => {
    // Normalised: 1, 0.5, 0.25, 0.
    const layers = [layer('a', 9, 5, 3, 1), layer('flat', 2, 2, 2)];
    const at = (threshold: number): number[] => [...weloreRanksAt(layers, threshold).values()];
    assert.deepEqual(at(0), [4, 3]);
    assert.deepEqual(at(0.25), [3, 3]);
    assert.deepEqual(at(0.3), [2, 3]);
    assert.deepEqual(at(0.5), [2, 3]);
    assert.deepEqual(at(1), [1, 3]);
  });

  it('meets the target mean reduction as closely as ranks allow', () => {
    const layers = Array.from({ length: 5 }, (_, which) =>
      layer(`l${which}`, ...Array.from({ length: 200 }, (_, index) => 10 * Math.exp(-index / (10 + 12 * which)))),
    );
    for (const target of [0, 0.1, 0.3, 0.5, 0.8]) {
      const { threshold, ranks } = weloreRanks(layers, target);
      const reduction = [...ranks.values()].reduce((sum, rank) => sum + (1 - rank / 200), 0) / 5;
      assert.ok(reduction >= target - 1e-6 && reduction < target + 0.002, `${reduction} for ${target}`);
      assert.deepEqual(weloreRanksAt(layers, threshold), ranks);
    }
  });

  it('gives layers with faster decay the smaller ranks', () => {
    const layers = [
      layer('fast', ...Array.from({ length: 50 }, (_, index) => 0.7 ** index)),
      layer('slow', ...Array.from({ length: 50 }, (_, index) => 1 - index / 50)),
    ];
    const { ranks } = weloreRanks(layers, 0.5);
    assert.ok(ranks.get('fast')! < 15 && ranks.get('slow')! > 35);
  });

  it('reduces no further than it must', () => {
    const values = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        fc.array(values, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (lists, target) => {
          const layers = lists.map((list, index) => layer(`${index}`, ...list.sort((a, b) => b - a)));
          const reduction = (ranks: Map<string, number>): number =>
            layers.reduce((sum, { name, singularValues }) => sum + 1 - ranks.get(name)! / singularValues.length, 0) /
            layers.length;
          const { threshold, ranks } = weloreRanks(layers, target);
          const most = reduction(weloreRanksAt(layers, 1));
          if (most >= target) assert.ok(reduction(ranks) >= target - 1e-6);
          if (threshold > 1e-9)
            assert.ok(reduction(weloreRanksAt(layers, threshold - 1e-9)) <= Math.max(target + 1e-6, reduction(ranks)));
        },
      ),
    );
  });

  it('refuses a target outside its range', () => {
    for (const target of [-0.1, 1, NaN]) assert.throws(() => weloreRanks([], target), RangeError);
    assert.equal(weloreRanks([], 0.5).ranks.size, 0);
  });
});
