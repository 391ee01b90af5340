import assert from 'node:assert/strict';
import type { HeatMap } from '../../../../../extension/shared/layers';
import {
  elementLines,
  elementsInSight,
  elementSpan,
  elementTwin,
  type ElementSource,
} from '../../../../../webview/plots/heat/elementCells';

const size = { width: 300, height: 200 };

describe('the elements that a heat map shows', () => {
  const map = { rows: 40, cols: 1000 };

  it('are those in sight, whole ones', () => {
    const found = elementsInSight(map, [10.5, 60.2], [3, 23], size);
    assert.deepEqual(found, { row: 3, rows: 20, col: 10, cols: 51 });
  });

  it('end with the matrix', () => {
    assert.deepEqual(elementsInSight(map, [950, 1000], [20, 40], size), { row: 20, rows: 20, col: 950, cols: 50 });
  });

  it('are none while one is too small to be told from its neighbour', () => {
    assert.equal(elementsInSight(map, [0, 76], [0, 40], size), null);
    assert.notEqual(elementsInSight(map, [0, 75], [0, 40], size), null);
    assert.equal(elementsInSight({ rows: 4000, cols: 9 }, [0, 9], [0, 200], size), null);
  });
});

describe('single elements of a heat map', () => {
  const source: ElementSource = {
    at: (row, col) => (row === 7 ? undefined : row === 8 ? NaN : row + col / 1000),
    want: () => undefined,
    indices: (row, col) => (row < 5 ? [row, Math.floor(col / 9), col % 9] : null),
  };

  it('say their true indices and their value', () => {
    assert.deepEqual(elementLines(source, 3, 20), ['row 3, column 20', 'value 3.0200', 'index [3, 2, 2]']);
    assert.deepEqual(elementLines(source, 6, 1200), ['row 6, column 1,200', 'value 7.2000']);
    assert.deepEqual(elementLines(source, 7, 0), ['row 7, column 0', 'being read']);
    assert.deepEqual(elementLines(source, 8, 0), ['row 8, column 0', 'value NaN']);
  });

  it('stand in a table, so many that one can read it', () => {
    const twin = elementTwin('w', source, { row: 6, rows: 500, col: 10, cols: 2 });
    assert.deepEqual(twin.columns, ['row', '10', '11']);
    assert.equal(twin.rows.length, 40);
    assert.deepEqual(twin.rows.slice(0, 3), [
      ['6', '6.010', '6.011'],
      ['7', '…', '…'],
      ['8', 'NaN', 'NaN'],
    ]);
    assert.equal(twin.caption, 'w: elements of rows 6–45 (down) and columns 10–11 (across)');
  });

  it('have one scale of colours for the whole matrix: three times its root mean square', () => {
    // Elements 1, 1, 1 in the first cell, 3 in the other: (3 · 1 + 9) / 4.
    const map = {
      ...{ layer: 'w', rows: 1, cols: 4, order: 0, rowStarts: [0, 1], colStarts: [0, 3, 4] },
      ...{ mean: Float64Array.of(1, 3), rms: Float64Array.of(1, 3), peak: Float64Array.of(1, 3) },
      notFinite: Float64Array.of(0, 0),
    } satisfies HeatMap;
    assert.ok(Math.abs(elementSpan(map) - 3 * Math.sqrt(3)) < 1e-12);
  });
});
