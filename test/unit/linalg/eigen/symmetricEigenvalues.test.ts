import assert from 'node:assert/strict';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { type Kernels } from '../../../../extension/linalg/kernels/kernels';
import { bandEigenvalues } from '../../../../extension/linalg/eigen/bandEigenvalues';
import { reduceToBandMatrix } from '../../../../extension/linalg/eigen/bandReduction';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { symmetricEigenvalues, type EigenOptions } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import { SymmetricSlabs } from '../../../../extension/linalg/gram/symmetricSlabs';
import {
  fromElements,
  jacobiEigenvalues,
  largestDifference,
  randomMatrix,
  randomSymmetric,
  seededRandom,
  withSpectrum,
} from '../../../harness/numbers/denseReference';

type EigenvaluesOf = (a: Float64Array, n: number) => Promise<Float64Array>;
type Route = (a: Float64Array, n: number, options: EigenOptions) => Float64Array | Promise<Float64Array>;

/** Dense → band on this thread's products, band → eigenvalues, each with half of the progress. */
const twoStage: Route = async (a, n, { kernels, cancelled, onProgress }) => {
  const cancel = new AbortController();
  const band = await reduceToBandMatrix(SymmetricSlabs.fromMatrix(a, n), {
    products: kernelProducts(kernels!),
    kernels: kernels!,
    signal: cancel.signal,
    onProgress: (fraction) => {
      if (cancelled?.()) cancel.abort();
      onProgress?.(fraction / 2);
    },
  });
  const rest = (fraction: number): void => onProgress?.((1 + fraction) / 2);
  return bandEigenvalues(band, { kernels: kernels!, onProgress: rest, ...(cancelled && { cancelled }) });
};

const implementations: [string, () => Kernels, Route][] = [
  ['wasm', loadKernels, symmetricEigenvalues],
  ['twin', () => kernelTwin, symmetricEigenvalues],
  ['two stages, wasm', loadKernels, twoStage],
  ['two stages, twin', () => kernelTwin, twoStage],
];

for (const [name, kernelsOf, route] of implementations) {
  const eigenvaluesOf: EigenvaluesOf = async (a, n) => route(a.slice(), n, { kernels: kernelsOf() });

  describe(`symmetric eigenvalues: ${name}`, () => {
    it('match 2 − 2cos(kπ/(n+1)) of the second difference', async () => {
      for (const n of [1, 2, 3, 10, 33, 100, 257]) {
        const a = fromElements(n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
        const expected = closedForm(n, (k) => 2 - 2 * Math.cos((k * Math.PI) / (n + 1)));
        assert.ok(largestDifference(await eigenvaluesOf(a, n), expected) < 2e-14, `order ${n}`);
      }
    });

    it('match the closed form of the dense matrix min(i, j)', async () => {
      for (const n of [2, 5, 40, 129, 300]) {
        const a = fromElements(n, (i, j) => Math.min(i, j) + 1);
        const expected = closedForm(n, (k) => 1 / (4 * Math.sin(((2 * k - 1) * Math.PI) / (4 * n + 2)) ** 2));
        assert.ok(largestDifference(await eigenvaluesOf(a, n), expected) < 1e-14 * n * n, `order ${n}`);
      }
    });

    it('find the double eigenvalues of a circulant', async () => {
      const n = 150;
      const first = Float64Array.from({ length: n }, (_, k) => 1 / (1 + Math.min(k, n - k)) ** 2);
      const a = fromElements(n, (i, j) => first[(i - j + n) % n]!);
      const expected = closedForm(n, (k) =>
        first.reduce((sum, value, j) => sum + value * Math.cos((2 * Math.PI * ((j * k) % n)) / n), 0),
      );
      assert.ok(largestDifference(await eigenvaluesOf(a, n), expected) < 1e-14 * n);
    });

    it('agree with Jacobi rotations on random matrices of all sizes', async () => {
      for (let n = 1; n <= 60; n++) await assertAgreesWithJacobi(randomSymmetric(n, n), n, eigenvaluesOf);
      for (const n of [63, 64, 65, 95, 127, 161, 200])
        await assertAgreesWithJacobi(randomSymmetric(n, n), n, eigenvaluesOf);
    });

    it('agree with Jacobi rotations on Gram matrices, singular ones too', async () => {
      for (const [rows, n] of [
        [50, 50],
        [300, 70],
        [20, 90],
        [1, 40],
      ] as const) {
        const x = randomMatrix(rows, n, rows);
        await assertAgreesWithJacobi(loadKernels().gram(x, rows, n, 'columns'), n, eigenvaluesOf);
      }
    });

    describe('recover a prescribed spectrum:', () => {
      const n = 140;
      const random = seededRandom(77);
      const spectra: [string, (i: number) => number][] = [
        ['spread evenly', (i) => i + 1],
        ['condition number 1e12', (i) => 10 ** ((-12 * i) / (n - 1))],
        ['condition number 1e300', (i) => 10 ** ((-300 * i) / (n - 1))],
        ['two clusters', (i) => (i % 2) + 1e-13 * i],
        ['all but one equal', (i) => (i === 0 ? 3 : 1)],
        ['one huge outlier', (i) => (i === 0 ? 1e12 : 1 + i / n)],
        ['rank 3', (i) => (i < 3 ? i + 1 : 0)],
        ['positive and negative pairs', (i) => (i % 2 === 0 ? 1 : -1) * (1 + Math.floor(i / 2))],
        ['heavy tail', () => Math.abs(random()) ** -1.5],
        ['identity', () => 1],
      ];
      for (const [spectrum, value] of spectra) {
        it(spectrum, async () => {
          const expected = Float64Array.from({ length: n }, (_, i) => value(i));
          const a = withSpectrum(expected, 5);
          const scale = expected.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0);
          assert.ok(largestDifference(await eigenvaluesOf(a, n), expected.sort()) < 1e-13 * scale);
        });
      }
    });

    it('are exact for zero, diagonal and one-element matrices', async () => {
      assert.deepEqual([...(await eigenvaluesOf(new Float64Array(0), 0))], []);
      assert.deepEqual([...(await eigenvaluesOf(Float64Array.of(-7), 1))], [-7]);
      assert.deepEqual([...(await eigenvaluesOf(new Float64Array(50 * 50), 50))], Array<number>(50).fill(0));
      const diagonal = fromElements(40, (i, j) => (i === j ? (i * 7) % 40 : 0));
      assert.deepEqual(
        [...(await eigenvaluesOf(diagonal, 40))],
        Array.from({ length: 40 }, (_, i) => i),
      );
      assert.deepEqual([...(await eigenvaluesOf(Float64Array.of(0, 3, 3, 0), 2))], [-3, 3]);
    });

    it('of rank one matrices are the squared norm and zeros', async () => {
      const n = 100;
      const x = randomMatrix(1, n, 12);
      const square = x.reduce((sum, value) => sum + value * value, 0);
      const eigenvalues = await eigenvaluesOf(
        fromElements(n, (i, j) => x[i]! * x[j]!),
        n,
      );
      assert.ok(Math.abs(eigenvalues[n - 1]! - square) < 1e-14 * square);
      assert.ok(eigenvalues.subarray(0, n - 1).every((value) => Math.abs(value) < 1e-14 * square));
    });

    it('scale with the matrix from 1e-300 to 1e300', async () => {
      const n = 50;
      const a = randomSymmetric(n, 31);
      const plain = await eigenvaluesOf(a, n);
      for (const exponent of [-300, -200, -160, -20, 20, 150, 300]) {
        const factor = 10 ** exponent;
        const scaled = await eigenvaluesOf(
          a.map((value) => value * factor),
          n,
        );
        const back = scaled.map((value) => value / factor);
        assert.ok(largestDifference(back, plain) < 1e-13, `1e${exponent}`);
      }
    });

    it('of denormal matrices keep the digits those have', async () => {
      const tiny = 2 ** -1070;
      const a = fromElements(20, (i, j) => (i === j ? (i % 15) * tiny : 0));
      const expected = Float64Array.from({ length: 20 }, (_, i) => (i % 15) * tiny).sort();
      assert.deepEqual(await eigenvaluesOf(a, 20), expected);
    });

    it('of matrices graded over 1e300 are right for the largest and finite for the rest', async () => {
      const n = 30;
      const a = fromElements(n, (i, j) => 10 ** (-5 * (i + j)) * (i === j ? 2 : 1));
      const reversed = fromElements(n, (i, j) => a[(n - 1 - i) * n + (n - 1 - j)]!);
      const expected = jacobiEigenvalues(a, n);
      assert.ok(largestDifference(await eigenvaluesOf(a, n), expected) < 1e-14);
      assert.ok(largestDifference(await eigenvaluesOf(reversed, n), expected) < 1e-14);
    });

    it('survive rows far smaller than the rest', async () => {
      const n = 60;
      const big = randomSymmetric(n, 4);
      for (const share of [1e-100, 1e-145, 1e-155, 1e-162, 1e-200]) {
        for (const keep of [(i: number) => i < n / 2, (i: number) => i >= n / 2, (i: number) => i % 2 === 0]) {
          const a = fromElements(n, (i, j) => big[i * n + j]! * (keep(i) && keep(j) ? 1 : share));
          await assertAgreesWithJacobi(a, n, eigenvaluesOf);
        }
      }
    });

    it('reject NaN and infinities in the lower triangle with the row', async () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const a = randomSymmetric(40, 2);
        a[17 * 40 + 3] = bad;
        await assert.rejects(eigenvaluesOf(a, 40), { name: 'RangeError', message: /row 17/ });
      }
    });

    it('reject eigenvalues beyond float64', async () => {
      const n = 10;
      await assert.rejects(eigenvaluesOf(new Float64Array(n * n).fill(1.5e308), n), RangeError);
    });

    it('stop when cancelled and work afterwards', async () => {
      const n = 150;
      let polls = 0;
      const options = { kernels: kernelsOf(), cancelled: () => ++polls > 2 };
      await assert.rejects(async () => route(randomSymmetric(n, 1), n, options), { name: 'AbortError' });
      assert.equal(polls, 3);
      await assertAgreesWithJacobi(randomSymmetric(30, 1), 30, eigenvaluesOf);
    });

    it('stop when cancelled in the iteration on the tridiagonal matrix, which is all that is left then', async () => {
      let progress = 0;
      const onProgress = (fraction: number): unknown => (progress = fraction);
      // Beyond the share of either reduction.
      const options = { kernels: kernelsOf(), onProgress, cancelled: () => progress > 0.955 };
      await assert.rejects(async () => route(randomSymmetric(300, 1), 300, options), { name: 'AbortError' });
      assert.ok(progress < 1);
    });

    it('report progress that rises to 1', async () => {
      const seen: number[] = [];
      const onProgress = (fraction: number): unknown => seen.push(fraction);
      await route(randomSymmetric(150, 1), 150, { kernels: kernelsOf(), onProgress });
      assert.ok(seen.length > 3);
      assert.deepEqual(
        seen,
        [...seen].sort((p, q) => p - q),
      );
      assert.equal(seen.at(-1), 1);
    });
  });
}

describe('symmetric eigenvalues', () => {
  it('of a larger matrix keep trace and Frobenius norm', () => {
    const n = 700;
    const a = randomSymmetric(n, 123);
    const eigenvalues = symmetricEigenvalues(a.slice(), n);
    let trace = 0;
    for (let i = 0; i < n; i++) trace += a[i * n + i]!;
    const square = a.reduce((sum, value) => sum + value * value, 0);
    assert.ok(Math.abs(eigenvalues.reduce((sum, value) => sum + value, 0) - trace) < 1e-10);
    assert.ok(Math.abs(eigenvalues.reduce((sum, value) => sum + value * value, 0) - square) < 1e-11 * square);
  });

  it('of matrices that span several slabs and panels are the same by either route', async () => {
    for (const n of [65, 256, 300, 545, 1100]) {
      const a = randomSymmetric(n, n);
      const expected = symmetricEigenvalues(a.slice(), n);
      const scale = Math.max(Math.abs(expected[0]!), Math.abs(expected[n - 1]!));
      const worst = largestDifference(await twoStage(a, n, { kernels: loadKernels() }), expected);
      assert.ok(worst <= 1e-13 * scale, `order ${n}: off by ${worst} of ${scale}`);
    }
  });

  it('of a matrix with panels that are reduced already, among others, are the same by either route', async () => {
    const n = 640;
    const dense = randomSymmetric(n, 7);
    // From the last panel upwards: dense, nothing to reflect, dense.
    const [top, bottom] = [300, 560];
    const a = fromElements(n, (i, j) => {
      const together = Math.max(i, j) < top || Math.min(i, j) >= bottom;
      return together || i === j ? dense[i * n + j]! : 0;
    });
    const expected = symmetricEigenvalues(a.slice(), n);
    const worst = largestDifference(await twoStage(a, n, { kernels: loadKernels() }), expected);
    assert.ok(worst <= 1e-13 * Math.max(Math.abs(expected[0]!), Math.abs(expected[n - 1]!)), `off by ${worst}`);
  });

  it('reject a matrix that is too short for its order', () => {
    assert.throws(() => symmetricEigenvalues(new Float64Array(8), 3), RangeError);
  });
});

function closedForm(n: number, value: (k: number) => number): Float64Array {
  return Float64Array.from({ length: n }, (_, k) => value(k + 1)).sort();
}

async function assertAgreesWithJacobi(a: Float64Array, n: number, eigenvaluesOf: EigenvaluesOf): Promise<void> {
  const expected = jacobiEigenvalues(a, n);
  const scale = Math.max(Math.abs(expected[0]!), Math.abs(expected[n - 1]!));
  const worst = largestDifference(await eigenvaluesOf(a, n), expected);
  assert.ok(worst <= 1e-13 * scale, `order ${n}: off by ${worst} of ${scale}`);
}
