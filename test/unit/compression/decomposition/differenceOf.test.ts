import assert from 'node:assert/strict';
import { differenceMap, worstLines } from '../../../../extension/compression/decomposition/differenceOf';

describe('what an approximation loses', () => {
  // Row 1 is wrong by (3, 4) of (3, 4), row 0 by (0, 1) of (0, 2); row 2 is exact.
  const w = Float64Array.of(0, 2, 3, 4, 5, 6);
  const difference = Float64Array.of(0, 1, 3, 4, 0, 0);

  it('names the rows and columns with the largest errors, and their shares of the whole', () => {
    const { rows, columns } = worstLines(w, difference, 3, 2);
    assert.deepEqual(rows, [
      { index: 1, relative: 1, share: 25 / 26 },
      { index: 0, relative: 0.5, share: 1 / 26 },
    ]);
    assert.deepEqual(columns, [
      { index: 1, relative: Math.sqrt(17 / 56), share: 17 / 26 },
      { index: 0, relative: Math.sqrt(9 / 34), share: 9 / 26 },
    ]);
  });

  it('has no worst lines where nothing is lost, and ten at most', () => {
    assert.deepEqual(worstLines(w, new Float64Array(6), 3, 2), { rows: [], columns: [] });
    const many = Float64Array.from({ length: 400 }, (_, i) => i + 1);
    const { rows } = worstLines(many, many, 20, 20);
    assert.equal(rows.length, 10);
    assert.equal(rows[0]?.index, 19);
  });

  it('draws the difference in stored order', () => {
    const map = differenceMap('w', difference, 3, 2);
    assert.deepEqual([map.rows, map.cols, map.order], [3, 2, 0]);
    assert.deepEqual([...map.mean], [...difference]);
  });
});
