import assert from 'node:assert/strict';
import { cellLines, heatFinding } from '../../../webview/plots/heat/heatCells';
import {
  addToPlanes,
  cellsOf,
  cellStarts,
  emptyPlanes,
  heatMapOf,
  ordersOf,
} from '../../../extension/spectral/heatMap';

/** In bands of `band` rows, as it is read. */
function mapOf(
  w: Float64Array,
  rows: number,
  cols: number,
  band: number,
  keys: { row?: Float64Array; col?: Float64Array } = {},
) {
  const down = cellsOf(rows, keys.row);
  const across = cellsOf(cols, keys.col);
  const planes = emptyPlanes(down.size * across.size);
  for (let start = 0; start < rows; start += band) {
    const end = Math.min(rows, start + band);
    addToPlanes(
      planes,
      w.subarray(start * cols, end * cols),
      down.cells.subarray(start, end),
      across.cells,
      across.size,
    );
  }
  return { ...heatMapOf(planes, rows, cols), ...ordersOf(down, across) };
}

describe('heat map', () => {
  it('of a small matrix is the matrix', () => {
    const w = Float64Array.from({ length: 12 }, (_, i) => i - 5);
    const map = mapOf(w, 3, 4, 2);
    assert.deepEqual(map.mean, w);
    assert.deepEqual(map.peak, w);
    assert.deepEqual(map.rms, w.map(Math.abs));
    assert.deepEqual(map.notFinite, new Float64Array(12));
    assert.deepEqual(map.rowStarts, [0, 1, 2, 3]);
    assert.deepEqual(map.colStarts, [0, 1, 2, 3, 4]);
  });

  it('says by how much the strongest row is above the rest, whether or not that is a lot', () => {
    const finding = (factor: number): string => {
      const w = Float64Array.from({ length: 32 * 32 }, (_, i) => (Math.floor(i / 32) === 7 ? factor : 1));
      return heatFinding({ ...mapOf(w, 32, 32, 32), layer: 'w', order: 0 });
    };
    assert.match(finding(3), /The elements in row 7 are 2\.7 times as large as all on average\.$/);
    assert.match(finding(1.9), /No row .* twice as large as all on average: at most 1\.83 times, in row 7\.$/);
  });

  it('names rows and columns as they are stored, in any order', () => {
    const w = Float64Array.from({ length: 600 * 3 }, (_, i) => (i === 3 * 431 + 2 ? 9 : 0.1));
    const row = Float64Array.from({ length: 600 }, (_, i) => (i === 431 ? 2 : 1 / (i + 1)));
    const col = Float64Array.of(0, 1, 2);
    const map = { ...mapOf(w, 600, 3, 100, { row, col }), layer: 'w', order: 1 };
    assert.deepEqual([...map.rowOrder!.subarray(0, 4)], [431, 0, 1, 2]);
    assert.deepEqual([...map.colOrder!], [2, 1, 0]);
    assert.equal(cellLines(map, 0, 0)[0], 'rows 431, 0, 1, column 2 (places 0–2 and 0 by u₁ and v₁)');
    assert.match(heatFinding(map), /^The largest element, 9(\.00)?, is in rows 431, 0, 1, column 2 \(places/);
    assert.match(heatFinding(map), /The elements in rows 431, 0, 1 are [\d.]+ times as large as all on average\.$/);
    const stored = { ...mapOf(w, 600, 3, 100), layer: 'w', order: 0 };
    assert.match(cellLines(stored, 0, 0)[0]!, /^rows 0–2, column 0$/);
  });

  it('reduces each block of elements to its mean, rms and largest, whatever the bands', () => {
    const [rows, cols] = [1000, 300];
    const w = Float64Array.from({ length: rows * cols }, (_, i) => ((i * 7919) % 1009) - 504);
    const map = mapOf(w, rows, cols, 1000);
    assert.deepEqual(mapOf(w, rows, cols, 77), map);
    const width = map.colStarts.length - 1;
    assert.equal(width, 256);
    for (const [row, col] of [
      [0, 0],
      [100, 200],
      [255, 255],
    ] as const) {
      const block: number[] = [];
      for (let i = map.rowStarts[row]!; i < map.rowStarts[row + 1]!; i++) {
        for (let j = map.colStarts[col]!; j < map.colStarts[col + 1]!; j++) block.push(w[i * cols + j]!);
      }
      assert.ok(block.length >= 3);
      const cell: number = row * width + col;
      const sum = block.reduce((total, value) => total + value, 0);
      assert.equal(map.mean[cell], sum / block.length);
      assert.equal(map.rms[cell], Math.sqrt(block.reduce((total, value) => total + value * value, 0) / block.length));
      assert.equal(Math.abs(map.peak[cell]!), Math.max(...block.map(Math.abs)));
      assert.ok(block.includes(map.peak[cell]!));
    }
  });

  it('gives every row and column a cell, none left out, as even as can be', () => {
    for (const count of [1, 2, 255, 256, 257, 511, 4096, 50_257]) {
      const { cells, size } = cellsOf(count);
      const starts = cellStarts(count);
      assert.equal(starts.length, size + 1);
      assert.deepEqual([starts[0], starts[size]], [0, count]);
      for (let cell = 0; cell < size; cell++) {
        const length = starts[cell + 1]! - starts[cell]!;
        assert.ok(length >= Math.floor(count / size) && length <= Math.ceil(count / size));
        assert.equal(cells[starts[cell]!], cell);
        assert.equal(cells[starts[cell + 1]! - 1], cell);
      }
    }
  });

  it('orders rows and columns by a vector, the largest first', () => {
    const u = Float64Array.of(0.1, -0.9, 0.4);
    const v = Float64Array.of(-1, 2);
    const w = Float64Array.from({ length: 6 }, (_, i) => u[Math.floor(i / 2)]! * v[i % 2]!);
    const { mean } = mapOf(w, 3, 2, 1, { row: u, col: v });
    assert.deepEqual([...mean], [0.8, -0.4, 0.2, -0.1, -1.8, 0.9]);
  });

  it('counts NaN and Inf and leaves them out', () => {
    const w = new Float64Array(600 * 2).fill(2);
    w[0] = NaN;
    w[2] = -Infinity;
    w[4] = NaN;
    w[1] = Infinity;
    const map = mapOf(w, 600, 2, 600);
    // The first cell has rows 0 to 2.
    assert.deepEqual(map.rowStarts.slice(0, 2), [0, 3]);
    assert.equal(map.notFinite[0], 3);
    assert.ok([map.mean[0], map.rms[0], map.peak[0]].every(Number.isNaN));
    assert.equal(map.notFinite[1], 1);
    assert.deepEqual([map.mean[1], map.rms[1], map.peak[1]], [2, 2, 2]);
  });
});
