import assert from 'node:assert/strict';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { heldBands } from '../../../../extension/linalg/singular/rowBandProducts';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { leastCapacity } from '../../../../extension/linalg/singular/leadingPairs';
import type { SolveSymmetric } from '../../../../extension/linalg/singular/leadingSubspace';
import { topEigenvectors } from '../../../../extension/linalg/eigen/symmetricEigenvectors';
import {
  solvesWhole,
  topTriplets,
  usualCapacity,
  type SingularTriplets,
} from '../../../../extension/linalg/singular/singularTriplets';
import {
  fromElements,
  largestDifference,
  naiveProduct,
  randomMatrix,
  seededRandom,
} from '../../../harness/numbers/denseReference';

const TOLERANCE = 1e-9;

const products = kernelProducts(loadKernels());
const solve: SolveSymmetric = (matrix, n, k) => Promise.resolve(topEigenvectors(matrix, n, k));
const tools = { products, solve };

const triplets = (
  w: Float64Array,
  rows: number,
  cols: number,
  k: number,
  { bandElements = 2 ** 22, capacity = usualCapacity(cols, k) } = {},
): Promise<SingularTriplets> =>
  topTriplets(heldBands(w, rows, cols, bandElements), k, tools, { tolerance: TOLERANCE, capacity });

/** Entry i of the j-th vector of the orthonormal DCT-II basis of length n. */
const dct = (n: number, i: number, j: number): number =>
  Math.sqrt((j === 0 ? 1 : 2) / n) * Math.cos((Math.PI * (i + 0.5) * j) / n);

/** The matrix whose singular vectors are DCT bases: σ in closed form, vectors too. */
function withSingularValues(rows: number, cols: number, sigma: readonly number[]): Float64Array {
  const u = Float64Array.from({ length: rows * sigma.length }, (_, p) =>
    dct(rows, Math.floor(p / sigma.length), p % sigma.length),
  );
  const v = Float64Array.from({ length: sigma.length * cols }, (_, p) => {
    const j = Math.floor(p / cols);
    return sigma[j]! * dct(cols, p % cols, j);
  });
  return loadKernels().multiply(u, v, rows, cols, sigma.length, false, false);
}

/** Orthonormal on both sides, W = UΣVᵀ on what they span, and residuals that are true and within the tolerance. */
function assertTriplets(
  w: Float64Array,
  rows: number,
  cols: number,
  k: number,
  found: SingularTriplets,
  tolerance = TOLERANCE,
): void {
  const { singularValues: sigma, left, right, residuals } = found;
  assert.equal(sigma.length, k);
  const identity = fromElements(k, (i, j) => Number(i === j));
  for (const [vectors, n] of [
    [left, rows],
    [right, cols],
  ] as const) {
    assert.equal(vectors.length, k * n);
    const gram = loadKernels().multiply(vectors, vectors, k, k, n, false, true);
    assert.ok(largestDifference(gram, identity) <= 1e-13, `orthonormal to ${largestDifference(gram, identity)}`);
  }
  assert.deepEqual(
    [...sigma],
    [...sigma].sort((a, b) => b - a),
  );
  const images = loadKernels().multiply(right, w, k, rows, cols, false, true);
  const coimages = loadKernels().multiply(left, w, k, cols, rows, false, false);
  const scale = Math.max(sigma[0]!, Number.MIN_VALUE);
  for (let i = 0; i < k; i++) {
    const distance = (a: Float64Array, b: Float64Array, n: number): number =>
      Math.sqrt(a.subarray(i * n, i * n + n).reduce((sum, x, j) => sum + (x - sigma[i]! * b[i * n + j]!) ** 2, 0));
    const worst = Math.max(distance(images, left, rows), distance(coimages, right, cols));
    assert.ok(worst <= tolerance * scale, `residual ${i}: ${worst / scale}`);
    assert.ok(
      Math.abs(worst - residuals[i]!) <= 1e-12 * scale,
      `the residual given is ${residuals[i]!} and not ${worst}`,
    );
    const u = left.subarray(i * rows, (i + 1) * rows);
    assert.equal(Math.max(...u), Math.max(...u.map(Math.abs)), 'sign');
  }
}

const assertValues = (found: SingularTriplets, expected: readonly number[], bound = 1e-13): void =>
  expected.forEach((sigma, i) =>
    assert.ok(
      Math.abs(found.singularValues[i]! - sigma) <= bound * expected[0]!,
      `σ${i + 1} = ${found.singularValues[i]!}`,
    ),
  );

describe('singular triplets', () => {
  describe('from the whole Gram matrix', () => {
    for (const [rows, cols] of [
      [12, 5],
      [5, 12],
      [7, 7],
      [9, 1],
      [1, 9],
      [1, 1],
    ] as const) {
      it(`${rows} × ${cols}: closed form, all of them and some`, async () => {
        const sigma = [8, 5, 3, 1, 0.5, 0.25, 0.1].slice(0, Math.min(rows, cols));
        const w = withSingularValues(rows, cols, sigma);
        for (let k = 1; k <= sigma.length; k++) {
          const found = await triplets(w, rows, cols, k);
          assertTriplets(w, rows, cols, k, found);
          assertValues(found, sigma.slice(0, k));
        }
      });
    }

    it('a square random matrix, all of them', async () => {
      const w = randomMatrix(90, 90, 3);
      const found = await triplets(w, 90, 90, 90);
      assertTriplets(w, 90, 90, 90, found);
      const scaled = found.left.map((x, at) => x * found.singularValues[Math.floor(at / 90)]!);
      assert.ok(largestDifference(naiveProduct(scaled, found.right, 90, 90, 90, true), w) <= 1e-12);
    });

    it('σ over twelve orders of magnitude: none is off by more than √ε·σ₁', async () => {
      const sigma = Array.from({ length: 60 }, (_, i) => 10 ** (-i / 5));
      const w = withSingularValues(100, 60, sigma);
      const found = await triplets(w, 100, 60, 60);
      assertTriplets(w, 100, 60, 60, found, 4e-8);
      assertValues(found, sigma, 4e-8);
      // Down to 1e-5·σ₁, far below what a Gram matrix alone gives to so many digits.
      found.singularValues.subarray(0, 26).forEach((value, i) => assert.ok(Math.abs(value / sigma[i]! - 1) < 1e-9));
    });
  });

  describe('by block Krylov', () => {
    const rows = 700;
    const cols = 500;

    it('finds what was planted in noise', async () => {
      const planted = [40, 39.999, 25, 25, 25, 12, 11, 10.5, 10.4, 10.3];
      const w = withSingularValues(rows, cols, planted);
      const random = seededRandom(5);
      const noise = Float64Array.from({ length: rows * cols }, () => 1e-7 * random());
      const noisy = w.map((x, i) => x + noise[i]!);
      assert.equal(solvesWhole(cols, 10), false);
      const found = await triplets(noisy, rows, cols, 10);
      assertTriplets(noisy, rows, cols, 10, found);
      // Weyl: no σ moves by more than the norm of the noise.
      assertValues(found, planted, 1e-7);
      // Davis–Kahan: a vector moves by that over its distance to the other σ.
      const v = found.right.subarray(5 * cols, 6 * cols);
      const along = v.reduce((sum, x, i) => sum + x * dct(cols, i, 5), 0);
      assert.ok(Math.abs(Math.abs(along) - 1) < 1e-10);
    });

    it('agrees with the whole Gram matrix on a random one, whose σ lie close together', async () => {
      const w = randomMatrix(rows, cols, 9);
      const gram = loadKernels().gram(w, rows, cols, 'columns');
      const { values } = topEigenvectors(gram, cols, 31);
      for (const k of [1, 10, 31]) {
        const found = await triplets(w, rows, cols, k);
        assertTriplets(w, rows, cols, k, found);
        assertValues(found, [...values.subarray(0, k).map(Math.sqrt)], 1e-12);
      }
    });

    it('restarts where the basis may not grow, with the same result', async () => {
      const sigma = Array.from({ length: 200 }, (_, i) => 0.97 ** i);
      const w = withSingularValues(rows, cols, sigma);
      const found = await triplets(w, rows, cols, 10, { capacity: leastCapacity(10) });
      assertTriplets(w, rows, cols, 10, found);
      assertValues(found, sigma.slice(0, 10));
    });

    it('is the same in bands, and twice', async () => {
      const w = randomMatrix(rows, cols, 4);
      const whole = await triplets(w, rows, cols, 3);
      assert.deepEqual(await triplets(w, rows, cols, 3), whole);
      const banded = await triplets(w, rows, cols, 3, { bandElements: 64 * cols });
      assertTriplets(w, rows, cols, 3, banded);
      assert.ok(largestDifference(banded.singularValues, whole.singularValues) <= 1e-12);
      assert.ok(largestDifference(banded.left, whole.left) <= 1e-8);
    });

    it('more columns than rows', async () => {
      const w = withSingularValues(60, 800, [5, 4, 3, 2, 1]);
      const found = await triplets(w, 60, 800, 8);
      assertTriplets(w, 60, 800, 8, found);
      assertValues(found, [5, 4, 3, 2, 1, 0, 0, 0]);
    });

    it('k beyond the rank: zeros with orthonormal vectors', async () => {
      const w = withSingularValues(rows, cols, [3, 2]);
      const found = await triplets(w, rows, cols, 12);
      assertTriplets(w, rows, cols, 12, found);
      assertValues(found, [3, 2, ...new Array<number>(10).fill(0)]);
    });

    it('the zero matrix', async () => {
      const found = await triplets(new Float64Array(rows * cols), rows, cols, 4);
      assertTriplets(new Float64Array(rows * cols), rows, cols, 4, found);
      assert.deepEqual(found.singularValues, new Float64Array(4));
    });

    it('one row', async () => {
      const w = randomMatrix(1, 900, 2);
      const found = await triplets(w, 1, 900, 1);
      assertTriplets(w, 1, 900, 1, found);
      assert.ok(Math.abs(found.singularValues[0]! - Math.hypot(...w)) < 1e-12);
    });

    it('very many equal σ', async () => {
      const w = fromElements(600, (i, j) => (i === j ? 2 : 0));
      const found = await triplets(w, 600, 600, 37);
      assertTriplets(w, 600, 600, 37, found);
      assertValues(found, new Array<number>(37).fill(2));
    });

    it('more copies of a σ than a block has vectors, among others that are smaller', async () => {
      // 40 copies, blocks of 32, and 36 asked for: the others converge so fast that rounding brings no further copy.
      const sigma = Array.from({ length: 640 }, (_, i) => (i < 40 ? 7 : i < 46 ? 46 - i : 0.5));
      const w = withSingularValues(640, 640, sigma);
      assert.equal(solvesWhole(640, 36), false);
      const found = await triplets(w, 640, 640, 36);
      assertTriplets(w, 640, 640, 36, found);
      assertValues(found, sigma.slice(0, 36));
    });
  });

  it('refuses k out of range and stops when cancelled', async () => {
    const w = randomMatrix(20, 10, 1);
    for (const k of [0, 11, 1.5]) await assert.rejects(triplets(w, 20, 10, k), RangeError);
    const controller = new AbortController();
    controller.abort();
    const large = heldBands(randomMatrix(600, 500, 1), 600, 500);
    const signal = controller.signal;
    await assert.rejects(topTriplets(large, 5, { ...tools, signal }, { tolerance: TOLERANCE, capacity: 100 }), {
      name: 'AbortError',
    });
  });

  it('refuses elements that are not finite', async () => {
    const w = randomMatrix(20, 10, 1);
    w[7] = NaN;
    await assert.rejects(triplets(w, 20, 10, 2), RangeError);
  });
});
