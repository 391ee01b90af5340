import assert from 'node:assert/strict';
import { truncatedSvd, type Factors } from '../../../extension/compression/truncatedSvd';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import { transpose } from '../../../extension/linalg/kernels/transpose';

const kernels = loadKernels();

/** Entry i of the j-th vector of the orthonormal DCT-II basis of length n: a closed form. */
function dct(n: number, i: number, j: number): number {
  return Math.sqrt((j === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * j) / n);
}

/** The matrix whose singular vectors are DCT bases and whose singular values are `sigma`. */
function withSingularValues(rows: number, cols: number, sigma: readonly number[]): Float64Array {
  const w = new Float64Array(rows * cols);
  for (const [j, value] of sigma.entries()) {
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < cols; c++) w[r * cols + c]! += value * dct(rows, r, j) * dct(cols, c, j);
  }
  return w;
}

function seeded(length: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function productOf({ left, right }: Factors, rows: number, cols: number): Float64Array {
  const rank = left.length / rows;
  const product = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    for (let j = 0; j < rank; j++) {
      for (let c = 0; c < cols; c++) product[r * cols + c]! += left[r * rank + j]! * right[j * cols + c]!;
    }
  }
  return product;
}

const frobenius = (x: Float64Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
const distance = (a: Float64Array, b: Float64Array) => frobenius(a.map((value, i) => value - b[i]!));
const svd = (w: Float64Array, rows: number, cols: number, rank: number) =>
  truncatedSvd(w, rows, cols, rank, { kernels });

/** Singular values by one-sided Jacobi rotations of the columns: shares nothing with Gram matrices or Householder. */
function jacobiSingularValues(w: Float64Array, rows: number, cols: number): number[] {
  const columns = Array.from({ length: cols }, (_, c) => Array.from({ length: rows }, (_, r) => w[r * cols + c]!));
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  for (let sweep = 0; sweep < 40; sweep++) {
    for (let p = 0; p < cols; p++) {
      for (let q = p + 1; q < cols; q++) {
        const [x, y] = [columns[p]!, columns[q]!];
        const [xx, yy, xy] = [dot(x, x), dot(y, y), dot(x, y)];
        if (Math.abs(xy) < 1e-17 * Math.sqrt(xx * yy)) continue;
        const angle = Math.atan2(2 * xy, xx - yy) / 2;
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        columns[p] = x.map((value, i) => cos * value + sin * y[i]!);
        columns[q] = x.map((value, i) => cos * y[i]! - sin * value);
      }
    }
  }
  return columns.map((column) => Math.sqrt(dot(column, column))).sort((a, b) => b - a);
}

describe('truncated SVD', () => {
  const sigma = [8, 5, 3, 1, 0.5];
  for (const [shape, rows, cols] of [
    ['tall', 12, 5],
    ['wide', 5, 12],
    ['square', 5, 5],
    ['one long column', 9, 1],
    ['one long row', 1, 9],
  ] as const) {
    const values = sigma.slice(0, Math.min(rows, cols));

    it(`${shape}: finds known singular values and the closed-form error at every rank`, () => {
      const w = withSingularValues(rows, cols, values);
      for (let rank = 1; rank <= values.length; rank++) {
        const factors = svd(w, rows, cols, rank);
        const found = [...factors.singularValues];
        found.forEach((value, j) => assert.ok(Math.abs(value - values[j]!) < 1e-13, `σ${j + 1} = ${value}`));
        assert.equal(factors.numericalRank, rank);
        const expected = Math.sqrt(values.slice(rank).reduce((sum, value) => sum + value * value, 0));
        assert.ok(Math.abs(distance(w, productOf(factors, rows, cols)) - expected) < 1e-13, `rank ${rank}`);
      }
    });

    it(`${shape}: the factors are the singular vectors, each scaled by √σ`, () => {
      const { left, right } = svd(withSingularValues(rows, cols, values), rows, cols, values.length);
      for (const [j, value] of values.entries()) {
        const u = Array.from({ length: rows }, (_, r) => left[r * values.length + j]!);
        const v = Array.from({ length: cols }, (_, c) => right[j * cols + c]!);
        const sign = Math.sign(u[0]! / dct(rows, 0, j));
        u.forEach((x, r) => assert.ok(Math.abs(x - sign * Math.sqrt(value) * dct(rows, r, j)) < 1e-12));
        v.forEach((x, c) => assert.ok(Math.abs(x - sign * Math.sqrt(value) * dct(cols, c, j)) < 1e-12));
      }
    });
  }

  it('agrees with Jacobi rotations on random matrices', () => {
    for (const [rows, cols] of [
      [40, 17],
      [17, 40],
    ] as const) {
      const w = seeded(rows * cols, rows);
      const tall = rows > cols ? w : transpose(w, rows, cols);
      const expected = jacobiSingularValues(tall, 40, 17);
      for (const rank of [1, 5, 16, 17]) {
        const factors = svd(w, rows, cols, rank);
        factors.singularValues.forEach((value, j) => assert.ok(Math.abs(value / expected[j]! - 1) < 1e-11));
        const error = Math.sqrt(expected.slice(rank).reduce((sum, value) => sum + value * value, 0));
        assert.ok(Math.abs(distance(w, productOf(factors, rows, cols)) - error) < 1e-12);
      }
    }
  });

  it('the largest entry of each left vector is positive, so that equal input gives equal signs', () => {
    for (const [rows, cols] of [
      [30, 20],
      [20, 30],
    ] as const) {
      const w = seeded(rows * cols, 5);
      const once = svd(w, rows, cols, 20);
      const negated = svd(
        w.map((value) => -value),
        rows,
        cols,
        20,
      );
      for (let j = 0; j < 20; j++) {
        const u = Array.from({ length: rows }, (_, r) => once.left[r * 20 + j]!);
        assert.equal(Math.max(...u), Math.max(...u.map(Math.abs)));
      }
      assert.deepEqual(svd(w, rows, cols, 20), once);
      // −W has the same left vectors and negated right ones.
      negated.left.forEach((value, i) => assert.ok(Math.abs(value - once.left[i]!) < 1e-12));
      negated.right.forEach((value, i) => assert.ok(Math.abs(value + once.right[i]!) < 1e-12));
    }
  });

  it('directions far below √ε·σ₁, which a Gram matrix cannot see, do not spoil the product', () => {
    const tiny = [1, 0.1, 1e-9, 3e-11, 1e-12];
    for (const [rows, cols] of [
      [9, 5],
      [5, 9],
    ] as const) {
      const w = withSingularValues(rows, cols, tiny);
      for (let rank = 2; rank <= 5; rank++) {
        const error = distance(w, productOf(svd(w, rows, cols, rank), rows, cols));
        const optimal = Math.sqrt(tiny.slice(rank).reduce((sum, value) => sum + value * value, 0));
        assert.ok(error < optimal + 1.5e-9, `rank ${rank}: ${error}`);
      }
      assert.ok(distance(w, productOf(svd(w, rows, cols, 5), rows, cols)) < 1e-14, 'exact at full rank');
    }
  });

  it('beyond the numerical rank both factors are zero and the product is W', () => {
    for (const [rows, cols] of [
      [10, 6],
      [6, 10],
    ] as const) {
      const w = withSingularValues(rows, cols, [4, 2]);
      const factors = svd(w, rows, cols, 6);
      assert.equal(factors.numericalRank, 2);
      for (let j = 2; j < 6; j++) {
        for (let r = 0; r < rows; r++) assert.equal(factors.left[r * 6 + j], 0);
        for (let c = 0; c < cols; c++) assert.equal(factors.right[j * cols + c], 0);
      }
      assert.ok(distance(w, productOf(factors, rows, cols)) < 1e-13);
    }
  });

  it('equal singular values are no trouble', () => {
    const w = withSingularValues(8, 8, new Array<number>(8).fill(2));
    const factors = svd(w, 8, 8, 3);
    assert.ok(Math.abs(distance(w, productOf(factors, 8, 8)) - 2 * Math.sqrt(5)) < 1e-12);
  });

  it('a zero matrix gives zero factors', () => {
    const factors = svd(new Float64Array(12), 4, 3, 2);
    assert.equal(factors.numericalRank, 0);
    assert.deepEqual([...factors.left, ...factors.right], new Array<number>(14).fill(0));
  });

  it('refuses NaN, and stops when cancelled', () => {
    const w = seeded(200 * 200, 3);
    assert.throws(() => truncatedSvd(w, 200, 200, 5, { kernels, cancelled: () => true }), { name: 'AbortError' });
    w[77] = NaN;
    assert.throws(() => svd(w, 200, 200, 5), RangeError);
  });
});
