import assert from 'node:assert/strict';
import { resolveRank } from '../../../extension/compression/rankRequest';
import type { RankRequest } from '../../../extension/shared/compressions';
import { FactorPair } from '../../../extension/shared/ranks/factorPair';
import { CompressionError } from '../../../extension/compression/compressionError';

const layer = 'fc.weight';
const fourRows = Float64Array.of(1, 10, 4, 5);

function refuses(request: RankRequest, message: RegExp, eigenvalues = fourRows, rows = 4, cols = 6): void {
  assert.throws(
    () => resolveRank(request, eigenvalues, { layer, rows, cols }),
    (error) =>
      error instanceof CompressionError &&
      error.code === 'invalid-rank' &&
      error.where.layer === layer &&
      message.test(error.message),
  );
}

describe('rank requests', () => {
  it('takes any whole rank from 1 to min(rows, cols)', () => {
    for (const rank of [1, 2, 3, 4])
      assert.equal(resolveRank({ kind: 'rank', rank }, fourRows, { layer, rows: 4, cols: 6 }), rank);
    for (const rank of [0, -1, 5, 1.5, NaN, Infinity]) refuses({ kind: 'rank', rank }, /4 × 6 matrix.*from 1 to 4/);
  });

  it('energy keeps the smallest rank that reaches the share, whatever the order of the eigenvalues', () => {
    // Sorted: 10, 5, 4, 1 of 20.
    const expected: [number, number][] = [
      [0.01, 1],
      [0.5, 1],
      [0.51, 2],
      [0.75, 2],
      [0.76, 3],
      [0.95, 3],
      [0.951, 4],
      [1, 4],
    ];
    for (const [energy, rank] of expected) {
      assert.equal(
        resolveRank({ kind: 'energy', energy }, fourRows, { layer, rows: 4, cols: 6 }),
        rank,
        `energy ${energy}`,
      );
      assert.equal(resolveRank({ kind: 'energy', energy }, fourRows.slice().sort(), { layer, rows: 4, cols: 6 }), rank);
    }
    for (const energy of [0, -0.5, 1.01, NaN]) refuses({ kind: 'energy', energy }, /above 0 and up to 1/);
  });

  it('a share met exactly is met, though decimal shares are not exact in binary', () => {
    const ones = new Float64Array(10).fill(0.1);
    for (let rank = 1; rank <= 10; rank++) {
      assert.equal(resolveRank({ kind: 'energy', energy: rank / 10 }, ones, { layer, rows: 10, cols: 10 }), rank);
    }
  });

  it('all energy keeps tiny directions but not rounding noise', () => {
    assert.equal(
      resolveRank({ kind: 'energy', energy: 1 }, Float64Array.of(1, 1e-13, 1e-17, -1e-18), { layer, rows: 4, cols: 4 }),
      2,
    );
    assert.equal(
      resolveRank({ kind: 'energy', energy: 1 }, new Float64Array(4), { layer, rows: 4, cols: 4 }),
      1,
      'zero matrix',
    );
    assert.equal(
      resolveRank({ kind: 'energy', energy: 0.9 }, new Float64Array(4), { layer, rows: 4, cols: 4 }),
      1,
      'zero matrix',
    );
  });

  it('a budget keeps the largest rank whose factors fit', () => {
    const spectrum = new Float64Array(100).fill(1);
    // One rank of a 100 × 400 matrix costs 500 of 40 000 parameters.
    const rankFor = (budget: number) =>
      resolveRank({ kind: 'budget', budget }, spectrum, { layer, rows: 100, cols: 400 });
    assert.equal(rankFor(0.0125), 1);
    assert.equal(rankFor(0.0249), 1);
    for (let rank = 1; rank <= 100; rank++) assert.equal(rankFor((rank * 500) / 40000), rank);
    assert.equal(rankFor(1), new FactorPair(100, 400).breakEven);
    assert.equal(rankFor(1000), 100, 'never above full rank');
    refuses({ kind: 'budget', budget: 0.0124 }, /1\.24%.*rank 1.*1\.25%.*100 × 400/, spectrum, 100, 400);
    refuses({ kind: 'budget', budget: 1e-320 }, /a budget of 0% .*1\.25%/, spectrum, 100, 400);
    for (const budget of [0, -1, NaN]) refuses({ kind: 'budget', budget }, /not above 0/);
  });
});
