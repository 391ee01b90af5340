/** The random bulk: fits to matrices whose law is known, and the determinant constraint by hand. */
import assert from 'node:assert/strict';
import { gram } from '../../../../extension/linalg/gram/gram';
import { kernelTwin } from '../../../../extension/linalg/kernels/kernelTwin';
import { symmetricEigenvalues } from '../../../../extension/linalg/eigen/symmetricEigenvalues';
import { determinantTail, fitBulk, type FittedBulk } from '../../../../extension/spectral/bulk/bulk';

/** Standard normal numbers, seeded (Box–Muller). */
function normal(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => {
    const radius = Math.sqrt(-2 * Math.log(uniform()));
    return radius * Math.cos(2 * Math.PI * uniform());
  };
}

function spectrum(rows: number, cols: number, entry: (row: number, col: number) => number): Float64Array {
  const matrix = Float64Array.from({ length: rows * cols }, (_, i) => entry(Math.floor(i / cols), i % cols));
  const { matrix: product, n } = gram(matrix, rows, cols, kernelTwin);
  return symmetricEigenvalues(product, n, { kernels: kernelTwin });
}

function fitted(eigenvalues: Float64Array, N: number, M: number): FittedBulk {
  const bulk = fitBulk(eigenvalues, N, M);
  assert.ok(bulk.status === 'success', JSON.stringify(bulk));
  return bulk;
}

describe('Marchenko–Pastur bulk', () => {
  for (const [rows, cols] of [
    [200, 200],
    [300, 200],
    [1000, 100],
  ] as const) {
    it(`finds the variance and the edge of a random ${rows} × ${cols} matrix`, () => {
      const random = normal(rows + 3 * cols);
      const bulk = fitted(
        spectrum(rows, cols, () => 0.3 * random()),
        rows,
        cols,
      );
      assert.ok(Math.abs(bulk.sigma_mp / 0.3 - 1) < 0.03, `sigma_mp ${bulk.sigma_mp}`);
      const edge = 0.09 * (Math.sqrt(rows) + Math.sqrt(cols)) ** 2;
      assert.ok(Math.abs(bulk.lambda_plus / edge - 1) < 0.05);
      assert.ok(bulk.num_spikes <= 2, `${bulk.num_spikes} spikes`);
      assert.ok(Math.abs(bulk.mp_softrank - 1) < 0.1);
    });

    it(`counts planted spikes in a random ${rows} × ${cols} matrix`, () => {
      const random = normal(rows + 7 * cols);
      const planted = Array.from({ length: 5 }, () => ({
        left: Float64Array.from({ length: rows }, () => random() / Math.sqrt(rows)),
        right: Float64Array.from({ length: cols }, () => random() / Math.sqrt(cols)),
      }));
      const strength = 4 * (Math.sqrt(rows) + Math.sqrt(cols));
      const eigenvalues = spectrum(rows, cols, (row, col) =>
        planted.reduce((sum, { left, right }) => sum + strength * left[row]! * right[col]!, random()),
      );
      const bulk = fitted(eigenvalues, rows, cols);
      assert.ok(bulk.num_spikes >= 5 && bulk.num_spikes <= 7, `${bulk.num_spikes} spikes`);
      assert.ok(Math.abs(bulk.sigma_mp - 1) < 0.05, `sigma_mp ${bulk.sigma_mp}`);
      assert.ok(bulk.mp_softrank < 0.5);
    });
  }

  it('scales with the matrix', () => {
    const random = normal(5);
    const eigenvalues = spectrum(120, 80, () => random());
    const one = fitted(eigenvalues, 120, 80);
    const scaled = fitted(
      eigenvalues.map((value) => 1e-12 * value),
      120,
      80,
    );
    assert.ok(Math.abs(scaled.sigma_mp / (1e-6 * one.sigma_mp) - 1) < 1e-6);
    assert.equal(scaled.num_spikes, one.num_spikes);
  });

  it('fails with a reason where there is no bulk, or no law that fits it', () => {
    const mostlyZero = Float64Array.from({ length: 50 }, (_, i) => (i < 40 ? 0 : i));
    const infinite = Float64Array.from({ length: 50 }, (_, i) => (i < 49 ? i : Infinity));
    const cases: [Float64Array, RegExp][] = [
      [Float64Array.of(1, 2, 3), /3 eigenvalues are too few/],
      [new Float64Array(0), /zero/],
      [new Float64Array(50), /all eigenvalues are zero/],
      [mostlyZero, /at least half/],
      [infinite, /not finite/],
      // The spectrum of an orthogonal matrix.
      [new Float64Array(50).fill(2), /no Marchenko–Pastur law/],
    ];
    for (const [values, reason] of cases) {
      const bulk = fitBulk(values, 100, 50);
      assert.ok(bulk.status === 'failed', String(reason));
      assert.match(bulk.reason, reason);
    }
  });
});

describe('determinant constraint', () => {
  it('ends where the product of the rescaled tail first falls below 1', () => {
    // Sum 4 over 4 values already: products 2, 2, 1.4, 0.14.
    assert.equal(determinantTail(Float64Array.of(0.1, 0.7, 1.2, 2)), 4);
    // Rescaled by 4/16: 2.5, 2.5·0.75 = 1.875, ·0.5 = 0.94.
    assert.equal(determinantTail(Float64Array.of(1, 2, 3, 10)), 3);
    assert.equal(determinantTail(Float64Array.of(100, 200, 300, 1000)), 3);
  });

  it('needs a spread', () => {
    assert.equal(determinantTail(Float64Array.of(2, 2, 2)), undefined);
    assert.equal(determinantTail(Float64Array.of(1)), undefined);
    assert.equal(determinantTail(Float64Array.of(0, 0, 2, 2, 2 * (1 + Number.EPSILON))), undefined);
    assert.equal(determinantTail(Float64Array.of(0, 0, 1)), 2);
  });
});
