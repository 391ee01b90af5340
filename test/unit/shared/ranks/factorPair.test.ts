import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FactorPair } from '../../../../extension/shared/ranks/factorPair';

const side = fc.integer({ min: 1, max: 50_000 });

describe('sizes of a factor pair', () => {
  it('break-even: the last rank at which factors are not larger', () => {
    fc.assert(
      fc.property(side, side, (rows, cols) => {
        const rank = new FactorPair(rows, cols).breakEven;
        assert.ok(rank * (rows + cols) <= rows * cols);
        assert.ok((rank + 1) * (rows + cols) > rows * cols);
      }),
    );
  });

  it('a budget: the largest rank that fits, for decimals as they are written', () => {
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: 20_000 }), (rows, cols, tenThousandths) => {
        const rank = new FactorPair(rows, cols).rankWithin(Number((tenThousandths / 1e4).toFixed(4)));
        const fits = (k: number): boolean =>
          BigInt(k) * BigInt(rows + cols) * 10_000n <= BigInt(tenThousandths) * BigInt(rows) * BigInt(cols);
        assert.ok(rank === 0 || fits(rank));
        assert.ok(rank === Math.min(rows, cols) || !fits(rank + 1));
      }),
    );
  });

  it('a rank’s own share gives that rank', () => {
    fc.assert(
      fc.property(side, side, fc.double({ min: 0, max: 1, noNaN: true }), (rows, cols, place) => {
        const rank = 1 + Math.floor(place * (Math.min(rows, cols) - 1));
        const pair = new FactorPair(rows, cols);
        assert.equal(pair.rankWithin(pair.ratio(rank)), rank);
      }),
    );
  });

  it('no budget is too large, and the smallest fits no rank', () => {
    const pair = new FactorPair(100, 400);
    assert.equal(pair.rankWithin(Number.MAX_VALUE), 100);
    assert.equal(pair.rankWithin(0.0124), 0);
    assert.equal(pair.rankWithin(0), 0);
  });

  it('counts against what is stored where that is not the matrix', () => {
    const pair = new FactorPair(40, 30, 5 * 70);
    assert.deepEqual([pair.breakEven, pair.parameters(2), pair.ratio(2), pair.rankWithin(0.5)], [5, 140, 0.4, 2]);
  });
});
