import assert from 'node:assert/strict';
import { productEigenvalues } from '../../../../extension/linalg/singular/productEigenvalues';
import {
  jacobiEigenvalues,
  largestDifference,
  naiveProduct,
  randomMatrix,
} from '../../../harness/numbers/denseReference';

/** λ by Jacobi on the Gram matrix of the product itself. `left` and `right` hold columns of L and rows of R. */
function byProduct(left: Float64Array, right: Float64Array, rows: number, cols: number, rank: number): Float64Array {
  const product = naiveProduct(left, right, rows, cols, rank, true, false);
  const side = Math.min(rows, cols);
  const tall = rows > cols;
  return jacobiEigenvalues(naiveProduct(product, product, side, side, Math.max(rows, cols), tall, !tall), side);
}

/** A row-major rank×n block whose rows are columns of I − 2uuᵀ/uᵀu: orthonormal. */
function orthonormal(rank: number, n: number, seed: number): Float64Array {
  const u = randomMatrix(1, n, seed);
  const square = u.reduce((sum, value) => sum + value * value, 0);
  return Float64Array.from({ length: rank * n }, (_, at) => {
    const [j, i] = [Math.floor(at / n), at % n];
    return (i === j ? 1 : 0) - (2 * u[i]! * u[j]!) / square;
  });
}

describe('squared singular values of a product of factors', () => {
  for (const [rows, cols, rank] of [
    [30, 20, 4],
    [20, 30, 4],
    [12, 12, 1],
    [7, 40, 7],
    [6, 9, 12],
    [1, 5, 3],
  ] as const) {
    it(`are those of the product: (${rows} × ${rank})·(${rank} × ${cols})`, () => {
      const left = randomMatrix(rank, rows, 3);
      const right = randomMatrix(rank, cols, 4);
      const expected = byProduct(left, right, rows, cols, rank);
      const found = productEigenvalues({ vectors: left, n: rows }, { vectors: right, n: cols }, rank);
      assert.equal(found.length, Math.min(rows, cols));
      assert.ok(largestDifference(found, expected) <= 1e-13 * expected.at(-1)!);
    });
  }

  it('are as exact for directions a million times weaker', () => {
    const [rows, cols] = [40, 25];
    const values = [1, 1e-2, 1e-4, 1e-6];
    const left = orthonormal(4, rows, 5);
    const right = orthonormal(4, cols, 6).map((value, at) => value * values[Math.floor(at / cols)]!);
    const found = productEigenvalues({ vectors: left, n: rows }, { vectors: right, n: cols }, 4).slice(-4);
    [...values].reverse().forEach((value, i) => {
      assert.ok(Math.abs(found[i]! / value ** 2 - 1) < 1e-6, `${found[i]!} for ${value ** 2}`);
    });
  });

  it('are zero for a factor of zeros, as a new adapter has, and for repeated directions', () => {
    const zeros = productEigenvalues(
      { vectors: new Float64Array(24), n: 8 },
      { vectors: randomMatrix(3, 6, 1), n: 6 },
      3,
    );
    assert.deepEqual([...zeros], [0, 0, 0, 0, 0, 0]);
    const once = randomMatrix(1, 8, 2);
    const twice = productEigenvalues(
      { vectors: Float64Array.from([...once, ...once]), n: 8 },
      { vectors: randomMatrix(2, 6, 7), n: 6 },
      2,
    );
    assert.ok(twice[4]! <= 1e-15 * twice[5]!);
    assert.ok(twice[5]! > 0);
  });

  it('refuse factors of other sizes', () => {
    const right = { vectors: new Float64Array(6), n: 3 };
    assert.throws(() => productEigenvalues({ vectors: new Float64Array(5), n: 3 }, right, 2), RangeError);
  });
});
