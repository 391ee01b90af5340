import assert from 'node:assert/strict';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { symmetricEigenvalues } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import { topEigenvectors } from '../../../../extension/linalg/eigen/symmetricEigenvectors';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import {
  fromElements,
  largestDifference,
  naiveProduct,
  randomMatrix,
  randomSymmetric,
  seededRandom,
  withSpectrum,
} from '../../../harness/numbers/denseReference';

for (const kernels of [loadKernels(), kernelTwin]) {
  describe(`symmetric eigenvectors: ${kernels.kind}`, () => {
    /** Residuals, orthogonality, order, and values against the eigenvalue-only path. */
    const assertEigenpairs = (a: Float64Array, n: number, k: number): Float64Array => {
      const { values, vectors } = topEigenvectors(a.slice(), n, k, { kernels });
      assert.equal(values.length, k);
      assert.equal(vectors.length, k * n);
      const all = symmetricEigenvalues(a.slice(), n, { kernels });
      const scale = Math.max(Math.abs(all[0] ?? 0), Math.abs(all[n - 1] ?? 0));
      assert.deepEqual(values, values.slice().sort().reverse());
      assert.ok(largestDifference(values, all.slice(n - k).reverse()) <= 1e-13 * scale, 'values');
      const images = naiveProduct(vectors, a, k, n, n);
      const scaled = vectors.map((value, at) => value * values[Math.floor(at / n)]!);
      assert.ok(largestDifference(images, scaled) <= 1e-13 * scale, 'residual');
      const products = naiveProduct(vectors, vectors, k, k, n, false, true);
      const identity = fromElements(k, (i, j) => Number(i === j));
      assert.ok(largestDifference(products, identity) <= 1e-12, 'orthogonality');
      return vectors;
    };

    it('of random matrices, all and some', () => {
      for (let n = 1; n <= 24; n++) assertEigenpairs(randomSymmetric(n, n), n, n);
      for (const [n, k] of [
        [65, 65],
        [128, 1],
        [150, 40],
        [200, 200],
        [40, 0],
      ] as const) {
        assertEigenpairs(randomSymmetric(n, n), n, k);
      }
    });

    it('of none for order zero', () => {
      assert.deepEqual(topEigenvectors(new Float64Array(0), 0, 0, { kernels }).values, new Float64Array(0));
    });

    it('of the second difference are sines', () => {
      const n = 90;
      const a = fromElements(n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
      const { vectors } = topEigenvectors(a, n, 3, { kernels });
      for (const [row, k] of [n, n - 1, n - 2].entries()) {
        const sine = Float64Array.from({ length: n }, (_, i) => Math.sin((k * (i + 1) * Math.PI) / (n + 1)));
        const length = Math.sqrt((n + 1) / 2);
        const along = vectors.subarray(row * n, row * n + n).reduce((sum, value, i) => sum + value * sine[i]!, 0);
        assert.ok(Math.abs(Math.abs(along / length) - 1) < 1e-12);
      }
    });

    it('of Gram matrices without full rank', () => {
      for (const [rows, n, k] of [
        [10, 120, 120],
        [1, 50, 50],
        [200, 60, 60],
      ] as const) {
        assertEigenpairs(kernels.gram(randomMatrix(rows, n, n), rows, n, 'columns'), n, k);
      }
    });

    const n = 130;
    const random = seededRandom(3);
    const spectra: [string, (i: number) => number][] = [
      ['clusters within rounding', (i) => (i % 4) + 1e-15 * i],
      ['clusters of close values', (i) => (i % 4) + 1e-9 * i],
      ['a chain of gaps near the clustering threshold', (i) => i * 1.1e-3],
      ['condition number 1e14', (i) => 10 ** ((-14 * i) / (n - 1))],
      ['half of the spectrum zero', (i) => Math.max(0, i - n / 2)],
      ['one outlier of 1e10', (i) => (i === 0 ? 1e10 : 1 + i / n)],
      ['all equal', () => 5],
      ['all negative', (i) => -1 - i],
      ['heavy tail', () => Math.abs(random()) ** -1.5],
    ];
    for (const [spectrum, value] of spectra) {
      it(`of a spectrum with ${spectrum}`, () => {
        assertEigenpairs(
          withSpectrum(
            Float64Array.from({ length: n }, (_, i) => value(i)),
            9,
          ),
          n,
          n,
        );
      });
    }

    it('of clusters of fifty that differ by a few roundings', () => {
      for (const spread of [1e-15, 2e-14]) {
        const values = Float64Array.from({ length: 250 }, (_, i) => (i % 5) + spread * i);
        assertEigenpairs(withSpectrum(values, 300), 250, 250);
      }
    });

    it('of zero, identity and block diagonal matrices with equal blocks', () => {
      assertEigenpairs(new Float64Array(30 * 30), 30, 30);
      assertEigenpairs(
        fromElements(30, (i, j) => Number(i === j)),
        30,
        30,
      );
      const block = randomSymmetric(7, 70);
      const blocks = fromElements(42, (i, j) =>
        Math.floor(i / 7) === Math.floor(j / 7) ? block[(i % 7) * 7 + (j % 7)]! : 0,
      );
      assertEigenpairs(blocks, 42, 42);
    });

    it("of Wilkinson's matrix, whose largest pairs agree to rounding", () => {
      const a = fromElements(61, (i, j) => (i === j ? Math.abs(30 - i) : Math.abs(i - j) === 1 ? 1 : 0));
      assertEigenpairs(a, 61, 61);
    });

    it('of matrices glued from Wilkinson matrices', () => {
      for (const glue of [1e-3, 1e-8, 1e-14]) {
        const a = fromElements(126, (i, j) => {
          if (i === j) return Math.abs(10 - (i % 21));
          if (Math.abs(i - j) !== 1) return 0;
          return Math.max(i, j) % 21 === 0 ? glue : 1;
        });
        assertEigenpairs(a, 126, 126);
      }
    });

    it('of matrices far from 1', () => {
      for (const exponent of [-250, 200]) {
        const a = randomSymmetric(40, 6).map((value) => value * 10 ** exponent);
        const { values, vectors } = topEigenvectors(a.slice(), 40, 40, { kernels });
        const plain = topEigenvectors(
          a.map((value) => value / 10 ** exponent),
          40,
          40,
          { kernels },
        );
        assert.ok(
          largestDifference(
            values.map((value) => value / 10 ** exponent),
            plain.values,
          ) < 1e-13,
        );
        const products = naiveProduct(vectors, vectors, 40, 40, 40, false, true);
        const identity = fromElements(40, (i, j) => Number(i === j));
        assert.ok(largestDifference(products, identity) < 1e-12);
      }
    });

    it('are the same at every call', () => {
      const a = randomSymmetric(80, 80);
      assert.deepEqual(
        topEigenvectors(a.slice(), 80, 20, { kernels }),
        topEigenvectors(a.slice(), 80, 20, { kernels }),
      );
    });

    it('reject NaN and ranks out of range', () => {
      const a = randomSymmetric(10, 1);
      assert.throws(() => topEigenvectors(a, 10, 11, { kernels }), RangeError);
      assert.throws(() => topEigenvectors(a, 10, -1, { kernels }), RangeError);
      assert.throws(() => topEigenvectors(a.fill(NaN), 10, 1, { kernels }), RangeError);
    });

    it('stop when cancelled in any stage', () => {
      let total = 0;
      const count = (): boolean => ++total < 0;
      topEigenvectors(randomSymmetric(100, 1), 100, 50, { kernels, cancelled: count });
      for (const stopAt of [1, Math.ceil(total / 2), total]) {
        let polls = 0;
        const cancelled = (): boolean => ++polls >= stopAt;
        assert.throws(() => topEigenvectors(randomSymmetric(100, 1), 100, 50, { kernels, cancelled }), {
          name: 'AbortError',
        });
      }
    });
  });
}
