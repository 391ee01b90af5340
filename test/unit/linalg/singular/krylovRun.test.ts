/** A block Krylov run beside closed forms: eigenvalues of a second difference, and sums that both its rules bracket. */
import assert from 'node:assert/strict';
import { createMatrixProducts } from '../../../../extension/linalg/products/matrixProducts';
import { krylovRun, type KrylovRun, type Quadrature } from '../../../../extension/linalg/singular/krylovRun';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';

/** diag(values) as an operator. */
async function diagonal(values: Float64Array, block: number, steps: number, seed = 1): Promise<KrylovRun> {
  const products = await createMatrixProducts(() => Promise.reject(new Error('not here')));
  const n = values.length;
  const apply = (x: Float64Array): Promise<Float64Array> => Promise.resolve(x.map((each, i) => each * values[i % n]!));
  return krylovRun({ n, apply, products, random: mulberry32(seed) }, { block, steps });
}

function sum({ nodes, weights }: Quadrature, f: (value: number) => number): number {
  return nodes.reduce((total, node, i) => total + weights[i]! * f(node), 0);
}

/** Eigenvalues of the second difference of 40 points, descending. */
const DIFFERENCE = Float64Array.from({ length: 40 }, (_, i) => 2 + 2 * Math.cos(((i + 1) * Math.PI) / 41));

describe('block Krylov run', () => {
  it('finds all eigenvalues where the space holds all directions', async () => {
    const run = await diagonal(DIFFERENCE, 8, 5);
    assert.ok(run.invariant);
    assert.equal(run.ritz.nodes.length, 40);
    run.ritz.nodes.forEach((node, i) => assert.ok(Math.abs(node - DIFFERENCE[i]!) < 1e-10, `${node}`));
  });

  it('gives lower bounds of the largest eigenvalues, and weights that add up to 1', async () => {
    const values = Float64Array.from({ length: 400 }, (_, i) => 1 / (1 + i));
    const { ritz, residuals, invariant } = await diagonal(values, 4, 6);
    assert.ok(!invariant);
    ritz.nodes.forEach((node, i) => assert.ok(node <= values[i]! * (1 + 1e-12), `${i}: ${node}`));
    assert.ok(Math.abs(ritz.weights.reduce((total, weight) => total + weight, 0) - 1) < 1e-12);
    // An eigenvalue lies within the residual of each Ritz value.
    ritz.nodes.forEach((node, i) =>
      assert.ok(
        values.some((value) => Math.abs(value - node) <= residuals[i]! + 1e-12),
        `${i}: ${node}`,
      ),
    );
  });

  it('brackets √λ and λ·ln λ by its two rules, and agrees on λ', async () => {
    const values = Float64Array.from({ length: 240 }, (_, i) => Math.exp(-i / 16));
    const whole = await diagonal(values, 6, 40);
    for (const steps of [2, 3, 5, 8]) {
      // The same start: all steps tell of the same vectors.
      const { ritz, dual } = await diagonal(values, 6, steps);
      const [exact, gauss, radau] = [whole.ritz, ritz, dual].map((rule) => sum(rule, Math.sqrt));
      assert.ok(radau! - 1e-12 <= exact! && exact! <= gauss! + 1e-12, `${steps}: ${radau} ${exact} ${gauss}`);
      const entropy = (value: number): number => (value > 0 ? value * Math.log(value) : 0);
      const [mean, low, high] = [whole.ritz, ritz, dual].map((rule) => sum(rule, entropy));
      assert.ok(low! - 1e-12 <= mean! && mean! <= high! + 1e-12, `${steps}: ${low} ${mean} ${high}`);
      const linear = [ritz, dual].map((rule) => sum(rule, (value) => value));
      assert.ok(Math.abs(linear[0]! - linear[1]!) < 1e-12);
    }
  });

  it('ends early in an invariant space, and says so', async () => {
    const ones = await diagonal(new Float64Array(200).fill(3), 8, 12);
    assert.ok(ones.invariant);
    assert.equal(ones.steps, 1);
    assert.ok(ones.ritz.nodes.every((node) => Math.abs(node - 3) < 1e-12));
    const low = await diagonal(
      Float64Array.from({ length: 200 }, (_, i) => (i < 5 ? 5 - i : 0)),
      8,
      12,
    );
    assert.ok(low.invariant);
    assert.deepEqual(
      [...low.ritz.nodes.subarray(0, 5)].map((node) => Math.round(node * 1e6) / 1e6),
      [5, 4, 3, 2, 1],
    );
  });

  it('gives the same numbers for the same seed, and others for another', async () => {
    const values = Float64Array.from({ length: 300 }, (_, i) => 1 / (1 + i));
    assert.deepEqual(await diagonal(values, 4, 3, 5), await diagonal(values, 4, 3, 5));
    assert.notDeepEqual((await diagonal(values, 4, 3, 5)).ritz, (await diagonal(values, 4, 3, 6)).ritz);
  });
});
