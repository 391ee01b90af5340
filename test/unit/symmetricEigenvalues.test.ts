import assert from 'node:assert/strict';
import { kernelTwin } from '../../extension/linalg/kernelTwin';
import { loadKernels, type Kernels } from '../../extension/linalg/kernels';
import { symmetricEigenvalues } from '../../extension/linalg/symmetricEigenvalues';
import {
  fromElements,
  jacobiEigenvalues,
  largestDifference,
  randomMatrix,
  randomSymmetric,
  seededRandom,
  withSpectrum,
} from '../harness/denseReference';

const implementations: [string, () => Kernels][] = [
  ['wasm', loadKernels],
  ['twin', () => kernelTwin],
];

for (const [name, kernelsOf] of implementations) {
  const eigenvaluesOf = (a: Float64Array, n: number): Float64Array =>
    symmetricEigenvalues(a.slice(), n, { kernels: kernelsOf() });

  describe(`symmetric eigenvalues: ${name}`, () => {
    it('match 2 − 2cos(kπ/(n+1)) of the second difference', () => {
      for (const n of [1, 2, 3, 10, 33, 100, 257]) {
        const a = fromElements(n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0));
        const expected = closedForm(n, (k) => 2 - 2 * Math.cos((k * Math.PI) / (n + 1)));
        assert.ok(largestDifference(eigenvaluesOf(a, n), expected) < 2e-14, `order ${n}`);
      }
    });

    it('match the closed form of the dense matrix min(i, j)', () => {
      for (const n of [2, 5, 40, 129, 300]) {
        const a = fromElements(n, (i, j) => Math.min(i, j) + 1);
        const expected = closedForm(n, (k) => 1 / (4 * Math.sin(((2 * k - 1) * Math.PI) / (4 * n + 2)) ** 2));
        assert.ok(largestDifference(eigenvaluesOf(a, n), expected) < 1e-14 * n * n, `order ${n}`);
      }
    });

    it('find the double eigenvalues of a circulant', () => {
      const n = 150;
      const first = Float64Array.from({ length: n }, (_, k) => 1 / (1 + Math.min(k, n - k)) ** 2);
      const a = fromElements(n, (i, j) => first[(i - j + n) % n]!);
      const expected = closedForm(n, (k) =>
        first.reduce((sum, value, j) => sum + value * Math.cos((2 * Math.PI * ((j * k) % n)) / n), 0),
      );
      assert.ok(largestDifference(eigenvaluesOf(a, n), expected) < 1e-14 * n);
    });

    it('agree with Jacobi rotations on random matrices of all sizes', () => {
      for (let n = 1; n <= 60; n++) assertAgreesWithJacobi(randomSymmetric(n, n), n, eigenvaluesOf);
      for (const n of [63, 64, 65, 95, 127, 161, 200]) assertAgreesWithJacobi(randomSymmetric(n, n), n, eigenvaluesOf);
    });

    it('agree with Jacobi rotations on Gram matrices, singular ones too', () => {
      for (const [rows, n] of [
        [50, 50],
        [300, 70],
        [20, 90],
        [1, 40],
      ] as const) {
        const x = randomMatrix(rows, n, rows);
        assertAgreesWithJacobi(loadKernels().gram(x, rows, n, 'columns'), n, eigenvaluesOf);
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
        it(spectrum, () => {
          const expected = Float64Array.from({ length: n }, (_, i) => value(i));
          const a = withSpectrum(expected, 5);
          const scale = expected.reduce((largest, each) => Math.max(largest, Math.abs(each)), 0);
          assert.ok(largestDifference(eigenvaluesOf(a, n), expected.sort()) < 1e-13 * scale);
        });
      }
    });

    it('are exact for zero, diagonal and one-element matrices', () => {
      assert.deepEqual([...eigenvaluesOf(new Float64Array(0), 0)], []);
      assert.deepEqual([...eigenvaluesOf(Float64Array.of(-7), 1)], [-7]);
      assert.deepEqual([...eigenvaluesOf(new Float64Array(50 * 50), 50)], Array<number>(50).fill(0));
      const diagonal = fromElements(40, (i, j) => (i === j ? (i * 7) % 40 : 0));
      assert.deepEqual(
        [...eigenvaluesOf(diagonal, 40)],
        Array.from({ length: 40 }, (_, i) => i),
      );
      assert.deepEqual([...eigenvaluesOf(Float64Array.of(0, 3, 3, 0), 2)], [-3, 3]);
    });

    it('of rank one matrices are the squared norm and zeros', () => {
      const n = 100;
      const x = randomMatrix(1, n, 12);
      const square = x.reduce((sum, value) => sum + value * value, 0);
      const eigenvalues = eigenvaluesOf(
        fromElements(n, (i, j) => x[i]! * x[j]!),
        n,
      );
      assert.ok(Math.abs(eigenvalues[n - 1]! - square) < 1e-14 * square);
      assert.ok(eigenvalues.subarray(0, n - 1).every((value) => Math.abs(value) < 1e-14 * square));
    });

    it('scale with the matrix from 1e-300 to 1e300', () => {
      const n = 50;
      const a = randomSymmetric(n, 31);
      const plain = eigenvaluesOf(a, n);
      for (const exponent of [-300, -200, -160, -20, 20, 150, 300]) {
        const factor = 10 ** exponent;
        const scaled = eigenvaluesOf(
          a.map((value) => value * factor),
          n,
        ).map((value) => value / factor);
        assert.ok(largestDifference(scaled, plain) < 1e-13, `1e${exponent}`);
      }
    });

    it('of denormal matrices keep the digits those have', () => {
      const tiny = 2 ** -1070;
      const a = fromElements(20, (i, j) => (i === j ? (i % 15) * tiny : 0));
      const expected = Float64Array.from({ length: 20 }, (_, i) => (i % 15) * tiny).sort();
      assert.deepEqual(eigenvaluesOf(a, 20), expected);
    });

    it('of matrices graded over 1e300 are right for the largest and finite for the rest', () => {
      const n = 30;
      const a = fromElements(n, (i, j) => 10 ** (-5 * (i + j)) * (i === j ? 2 : 1));
      const reversed = fromElements(n, (i, j) => a[(n - 1 - i) * n + (n - 1 - j)]!);
      const expected = jacobiEigenvalues(a, n);
      assert.ok(largestDifference(eigenvaluesOf(a, n), expected) < 1e-14);
      assert.ok(largestDifference(eigenvaluesOf(reversed, n), expected) < 1e-14);
    });

    it('survive rows far smaller than the rest', () => {
      const n = 60;
      const big = randomSymmetric(n, 4);
      for (const share of [1e-100, 1e-145, 1e-155, 1e-162, 1e-200]) {
        for (const keep of [(i: number) => i < n / 2, (i: number) => i >= n / 2, (i: number) => i % 2 === 0]) {
          const a = fromElements(n, (i, j) => big[i * n + j]! * (keep(i) && keep(j) ? 1 : share));
          assertAgreesWithJacobi(a, n, eigenvaluesOf);
        }
      }
    });

    it('reject NaN and infinities in the lower triangle with the row', () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const a = randomSymmetric(40, 2);
        a[17 * 40 + 3] = bad;
        assert.throws(() => eigenvaluesOf(a, 40), { name: 'RangeError', message: /row 17/ });
      }
    });

    it('reject eigenvalues beyond float64', () => {
      const n = 10;
      assert.throws(() => eigenvaluesOf(new Float64Array(n * n).fill(1.5e308), n), RangeError);
    });

    it('stop when cancelled and work afterwards', () => {
      const n = 150;
      let polls = 0;
      const options = { kernels: kernelsOf(), cancelled: () => ++polls > 2 };
      assert.throws(() => symmetricEigenvalues(randomSymmetric(n, 1), n, options), { name: 'AbortError' });
      assert.equal(polls, 3);
      assertAgreesWithJacobi(randomSymmetric(30, 1), 30, eigenvaluesOf);
    });

    it('report progress that rises to 1', () => {
      const seen: number[] = [];
      const onProgress = (fraction: number): unknown => seen.push(fraction);
      symmetricEigenvalues(randomSymmetric(150, 1), 150, { kernels: kernelsOf(), onProgress });
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

  it('reject a matrix that is too short for its order', () => {
    assert.throws(() => symmetricEigenvalues(new Float64Array(8), 3), RangeError);
  });
});

function closedForm(n: number, value: (k: number) => number): Float64Array {
  return Float64Array.from({ length: n }, (_, k) => value(k + 1)).sort();
}

function assertAgreesWithJacobi(
  a: Float64Array,
  n: number,
  eigenvaluesOf: (a: Float64Array, n: number) => Float64Array,
): void {
  const expected = jacobiEigenvalues(a, n);
  const scale = Math.max(Math.abs(expected[0]!), Math.abs(expected[n - 1]!));
  const worst = largestDifference(eigenvaluesOf(a, n), expected);
  assert.ok(worst <= 1e-13 * scale, `order ${n}: off by ${worst} of ${scale}`);
}
