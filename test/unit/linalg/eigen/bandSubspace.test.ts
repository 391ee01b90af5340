/**
 * Leading vectors of band matrices: matrices with known eigenvalues are reduced, the subspace is filtered, and what comes
 * back through the reflectors is held to the eigenvalues that the matrix was made of.
 */
import assert from 'node:assert/strict';
import { BandFilter } from '../../../../extension/linalg/eigen/bandFilter';
import { eigenvaluesAbove } from '../../../../extension/linalg/eigen/bandInertia';
import { reduceToBandMatrix, type PanelReflectors } from '../../../../extension/linalg/eigen/bandReduction';
import type { BandMatrix, Interval } from '../../../../extension/linalg/kernels/bandMatrix';
import { leadingBandVectors, type Subspace } from '../../../../extension/linalg/eigen/bandSubspace';
import { applyPanels } from '../../../../extension/linalg/eigen/bandVectors';
import { HeldVectors } from '../../../../extension/linalg/eigen/heldVectors';
import { SymmetricSlabs } from '../../../../extension/linalg/gram/symmetricSlabs';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { kernelProducts } from '../../../../extension/linalg/products/matrixProducts';
import { largestDifference, randomMatrix } from '../../../harness/numbers/denseReference';

const N = 300;
const kernels = loadKernels();
const products = kernelProducts(kernels);

/** H·diag(values)·H with a reflector H along a random vector, twice: symmetric, its eigenvalues known. */
function matrixWith(values: readonly number[]): Float64Array {
  const n = values.length;
  const matrix = new Float64Array(n * n);
  values.forEach((value, i) => (matrix[i * n + i] = value));
  for (const seed of [1, 2]) {
    const v = randomMatrix(1, n, seed);
    const square = v.reduce((sum, each) => sum + each * each, 0);
    const reflector = Float64Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      return (i === j ? 1 : 0) - (2 * v[i]! * v[j]!) / square;
    });
    const left = kernels.multiply(reflector, matrix, n, n, n, false, false);
    matrix.set(kernels.multiply(left, reflector, n, n, n, false, false));
  }
  return matrix;
}

async function reduced(matrix: Float64Array): Promise<{ band: BandMatrix; keep: PanelReflectors[] }> {
  const keep: PanelReflectors[] = [];
  const band = await reduceToBandMatrix(SymmetricSlabs.fromMatrix(matrix, N), { products, kernels, keep });
  return { band, keep };
}

/** The band matrix in full. */
function dense({ rows, width }: BandMatrix): Float64Array {
  const matrix = new Float64Array(N * N);
  for (let i = 0; i < N; i++) {
    for (let j = Math.max(0, i - width); j <= i; j++) {
      matrix[i * N + j] = matrix[j * N + i] = rows[i * (width + 1) + j - i + width]!;
    }
  }
  return matrix;
}

/** T_degree times X by its recurrence on the whole matrix. */
function filtered(band: BandMatrix, x: Float64Array, degree: number, { low, high }: Interval): Float64Array {
  const count = x.length / N;
  const matrix = dense(band);
  for (let i = 0; i < N; i++) matrix[i * N + i] = matrix[i * N + i]! - (low + high) / 2;
  const t = matrix.map((value) => (2 * value) / (high - low));
  let [before, now] = [x, kernels.multiply(t, x, N, count, N, false, false)];
  for (let step = 1; step < degree; step++) {
    const next = kernels.multiply(t, now, N, count, N, false, false);
    for (let at = 0; at < next.length; at++) next[at] = 2 * next[at]! - before[at]!;
    [before, now] = [now, next];
  }
  return now;
}

/** Vectors of a band matrix, worked on by the whole matrix. */
class DenseSubspace implements Subspace {
  private x = new Float64Array(0);
  private count = 0;
  private damped: Interval = { low: 0, high: 0 };
  chosen = new Float64Array(0);

  constructor(private readonly band: BandMatrix) {}

  hold(x: Float64Array, count: number, damped: Interval): void {
    this.x = Float64Array.from(x);
    this.count = count;
    this.damped = damped;
  }

  filter(degree: number): void {
    this.x = Float64Array.from(filtered(this.band, this.x, degree, this.damped));
  }

  overlaps(): Float64Array {
    return kernels.multiply(this.x, this.x, this.count, this.count, N, true, false);
  }

  imageOverlaps(): Float64Array {
    return kernels.multiply(
      this.x,
      filtered(this.band, this.x, 1, this.damped),
      this.count,
      this.count,
      N,
      true,
      false,
    );
  }

  combine(coefficients: Float64Array): void {
    this.x = this.combined(coefficients);
  }

  choose(coefficients: Float64Array): void {
    this.chosen = this.combined(coefficients);
  }

  residuals(values: Float64Array): Float64Array {
    const image = filtered(this.band, this.chosen, 1, this.damped);
    return values.map((value, j) => {
      let square = 0;
      for (let at = j; at < image.length; at += values.length) square += (image[at]! - value * this.chosen[at]!) ** 2;
      return square;
    });
  }

  private combined(coefficients: Float64Array): Float64Array<ArrayBuffer> {
    const count = coefficients.length / this.count;
    return Float64Array.from(kernels.multiply(this.x, coefficients, N, count, this.count, false, true));
  }
}

/** The first k columns. */
function firstColumns(x: Float64Array, k: number): Float64Array {
  const columns = x.length / N;
  return Float64Array.from({ length: N * k }, (_, at) => x[Math.floor(at / k) * columns + (at % k)]!);
}

const decaying = (power: number): number[] => Array.from({ length: N }, (_, i) => (i + 1) ** -power);

const SPECTRA: Readonly<Record<string, readonly number[]>> = {
  'of a slow decay': decaying(0.3),
  'of a power law': decaying(1),
  'of a steep power law': decaying(4),
  'of evenly spaced values': Array.from({ length: N }, (_, i) => 1 - i / N),
  'with an outlier': [1e5, ...decaying(0.5).slice(1)],
  'with fewer than are asked for': Array.from({ length: N }, (_, i) => (i < 10 ? 1 - i / 20 : 0)),
  'of the identity': new Array<number>(N).fill(1),
  'with a plateau across the rank': Array.from({ length: N }, (_, i) => (i < 20 ? 3 - i / 20 : i < 80 ? 1 : 0.2)),
};

describe('leading vectors of a band matrix', () => {
  for (const [name, values] of Object.entries(SPECTRA)) {
    it(`${name} are orthonormal, and their values those that the matrix was made of`, async () => {
      const k = 32;
      const matrix = matrixWith(values);
      const { band, keep } = await reduced(matrix);
      const subspace = new DenseSubspace(band);
      const found = leadingBandVectors(band, k, { subspace, kernels, poll: () => undefined });
      assert.ok(found, 'the iteration converged');
      const vectors = firstColumns(subspace.chosen, k);
      found.forEach((value, i) => {
        assert.ok(Math.abs(value * band.scale - values[i]!) < 1e-6 * values[i]! + 1e-13 * values[0]!, `λ${i + 1}`);
      });
      await applyPanels(keep, vectors, k, products);
      const unit = kernels.multiply(vectors, vectors, k, k, N, true, false);
      const identity = unit.map((_, at) => (at % (k + 1) === 0 ? 1 : 0));
      assert.ok(largestDifference(unit, identity) < 1e-12, 'orthonormal');
      // What they hold of the matrix is as much as any k vectors can hold.
      const image = kernels.multiply(matrix, vectors, N, k, N, false, false);
      let held = 0;
      for (let at = 0; at < image.length; at++) held += image[at]! * vectors[at]!;
      const most = values.slice(0, k).reduce((sum, value) => sum + value, 0);
      const rest = values.slice(k).reduce((sum, value) => sum + value, 0);
      assert.ok(most - held < 3e-8 * rest + 1e-12 * most, `${most - held} of ${rest}`);
    });
  }

  it('of a zero matrix are not sought', async () => {
    const { band } = await reduced(new Float64Array(N * N));
    const subspace = new DenseSubspace(band);
    assert.equal(leadingBandVectors(band, 32, { subspace, kernels, poll: () => undefined }), undefined);
  });

  it('stop when the poll throws', async () => {
    const { band } = await reduced(matrixWith(decaying(1)));
    const stop = (): never => {
      throw new DOMException('stopped', 'AbortError');
    };
    const subspace = new DenseSubspace(band);
    assert.throws(() => leadingBandVectors(band, 32, { subspace, kernels, poll: stop }), { name: 'AbortError' });
  });
});

describe('Chebyshev polynomials of a band matrix', () => {
  it('are those of the recurrence, up to a sign', async () => {
    const { band } = await reduced(matrixWith(decaying(0.5)));
    const damped = { low: 0, high: 0.3 };
    const filter = new BandFilter(band, damped);
    for (const degree of [1, 2, 3, 4, 5, 8]) {
      const x = randomMatrix(N, 7, degree);
      const expected = filtered(band, x.slice(), degree, damped);
      const memory = randomMatrix(N, 7, 99);
      const [found, other] = await filter.filtered(x, memory, 7, degree, products);
      assert.deepEqual(new Set([found, other]), new Set([x, memory]));
      const sign = Math.sign(found[0]! * expected[0]!);
      if (degree === 1) assert.equal(sign, 1);
      const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(
        largestDifference(
          found.map((value) => sign * value),
          expected,
        ) <
          1e-12 * size,
        `degree ${degree}`,
      );
    }
  });
});

describe('vectors that are held', () => {
  it('are filtered, combined and chosen as by the whole matrix', async () => {
    const { band } = await reduced(matrixWith(decaying(0.5)));
    const damped = { low: 0, high: 0.3 };
    const count = 7;
    const expected = new DenseSubspace(band);
    const start = randomMatrix(N, count, 5);
    expected.hold(start, count, damped);
    const held = new HeldVectors(band, start.slice(), count, damped, products);
    const near = (a: Float64Array, b: Float64Array): void => {
      const size = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.equal(a.length, b.length);
      assert.ok(largestDifference(a, b) < 1e-12 * size);
    };
    for (const [seed, degree] of [4, 1].entries()) {
      // X may come out negated, which products of two of its vectors do not show.
      await held.filter(degree);
      expected.filter(degree);
      const combination = randomMatrix(count, count, seed);
      await held.combine(combination);
      expected.combine(combination);
      near(await held.overlaps(), expected.overlaps());
      near(await held.imageOverlaps(), expected.imageOverlaps());
    }
    const values = randomMatrix(1, 3, 8);
    for (const seed of [6, 7]) {
      await held.choose(randomMatrix(3, count, seed));
      expected.choose(randomMatrix(3, count, seed));
      near(await held.residuals(values), expected.residuals(values));
    }
    const found = held.release(2);
    const sign = Math.sign(found[0]! * expected.chosen[0]!);
    near(
      found.map((value) => sign * value),
      firstColumns(expected.chosen, 2),
    );
    assert.throws(() => held.release(1), /no vectors/);
  });
});

describe('the inertia of a band matrix', () => {
  it('counts the eigenvalues above a shift', async () => {
    const values = decaying(0.7);
    const { band } = await reduced(matrixWith(values));
    for (const i of [0, 1, 10, 100, 250]) {
      assert.equal(eigenvaluesAbove(band, (values[i]! + values[i + 1]!) / 2 / band.scale, kernels), i + 1);
    }
    assert.equal(eigenvaluesAbove(band, 2, kernels), 0);
    assert.equal(eigenvaluesAbove(band, -1, kernels), N);
  });
});
