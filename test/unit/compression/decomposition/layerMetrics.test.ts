/** Statistics that cannot be right are refused in a sentence that names them, the layer and the place. */
import assert from 'node:assert/strict';
import { diagonalMetric, fisherMetric, gramMetric } from '../../../../extension/compression/decomposition/layerMetrics';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';

const tools = { kernels: loadKernels(), poll: () => undefined };
const size = { layer: 'a.weight', outputs: 2, inputs: 3 };
const gram = Float64Array.of(4, 1, 0, 1, 4, 1, 0, 1, 4);
const refused = (make: () => unknown, message: RegExp, code = 'invalid-statistics') =>
  assert.throws(make, { code, message });
const changed = (at: number, value: number) => gram.map((own, i) => (i === at ? value : own));

describe('metrics of a layer', () => {
  it('refuse a Gram matrix of another shape, not finite, not symmetric, negative, or zero', () => {
    const of = (given: Float64Array) => () => gramMetric({ gram: given }, size, tools);
    refused(of(new Float64Array(16)), /^layer a\.weight: input_gram is 4 × 4, but the layer has 3 inputs, .* 3 × 3$/);
    refused(of(new Float64Array(5)), /input_gram has 5 numbers/);
    refused(of(changed(5, NaN)), /input_gram holds NaN at row 1, column 2; calibrate again/);
    refused(of(changed(1, 3)), /is not symmetric: 1 at \(1, 0\), but 3 at \(0, 1\)/);
    // Beside √(C_ii·C_jj) = 4, 16-bit rounding of 1 is less than 0.012.
    refused(of(changed(1, 1.02)), /is not symmetric: 1 at \(1, 0\), but 1\.02 at \(0, 1\)/);
    assert.doesNotThrow(of(changed(1, 1.01)));
    refused(of(changed(4, -1)), /has -1 on its diagonal, at 1/);
    refused(of(new Float64Array(9)), /is zero everywhere/);
    refused(() => gramMetric({}, size, tools), /no input_gram/, 'missing-statistics');
  });

  it('add the smallest ridge that makes an indefinite Gram matrix definite, and refuse one that is none', () => {
    const indefinite = (above: number) => Float64Array.of(1, 1 + above, 0, 1 + above, 1, 0, 0, 0, 1);
    assert.equal(gramMetric({ gram: indefinite(-1e-3) }, size, tools).ridge, undefined);
    for (const [above, ridge] of [
      [0, 1e-6],
      [5e-7, 1e-6],
      [5e-6, 1e-5],
      [5e-3, 1e-2],
    ] as const) {
      const metric = gramMetric({ gram: indefinite(above) }, size, tools);
      assert.ok(Math.abs(metric.ridge! - ridge) < 1e-12, `${metric.ridge}`);
      assert.match(metric.notes[0]!, new RegExp(`${ridge.toExponential(0)} of its mean diagonal element was added`));
    }
    refused(() => gramMetric({ gram: indefinite(5) }, size, tools), /far from positive semidefinite/);
  });

  it('give the Cholesky factor of C, and of the centred C', () => {
    assert.deepEqual(
      Array.from(gramMetric({ gram: Float64Array.of(4, 2, 2, 5) }, { ...size, inputs: 2 }, tools).factor!),
      [2, 0, 1, 2],
    );
    // 10 tokens of mean (1, 0): 14 − 10·1.
    const statistics = { gram: Float64Array.of(14, 2, 2, 5), mean: Float64Array.of(1, 0), tokens: 10 };
    const { factor, of } = gramMetric(statistics, { ...size, inputs: 2 }, tools, true);
    assert.deepEqual([Array.from(factor!), of], [[2, 0, 1, 2], 'centred gram']);
  });

  it('refuse means that do not go with the Gram matrix', () => {
    const of = (mean: Float64Array, tokens: number | undefined) => () =>
      gramMetric({ gram, mean, ...(tokens !== undefined && { tokens }) }, size, tools, true);
    refused(of(new Float64Array(2), 5), /input_mean has 2 numbers, but the layer has 3 inputs/);
    refused(of(Float64Array.of(0, Infinity, 0), 5), /input_mean holds Infinity at 1/);
    refused(of(new Float64Array(3), undefined), /summed over an unknown number of tokens/);
    refused(of(new Float64Array(3), 0), /summed over 0 tokens/);
    refused(of(Float64Array.of(0, 3, 0), 5), /input_mean does not go with input_gram: at 1/);
  });

  it('refuse weights that are no magnitudes', () => {
    refused(
      () => fisherMetric({ fisher: new Float64Array(4) }, size),
      /fisher has 4 numbers, .* 2 × 3 numbers, or one/,
    );
    refused(() => fisherMetric({ fisher: Float64Array.of(1, -2) }, size), /fisher holds -2 at 1/);
    refused(() => fisherMetric({ fisher: new Float64Array(6) }, size), /fisher is zero everywhere/);
    refused(() => diagonalMetric({ absMean: Float64Array.of(1, NaN, 1) }, size), /input_abs_mean holds NaN at 1/);
    refused(() => diagonalMetric({ squareMean: Float64Array.of(1, 2) }, size), /imatrix has 2 numbers/);
    refused(() => diagonalMetric({ squareMean: Float64Array.of(1, -2, 1) }, size), /imatrix holds/);
    refused(() => diagonalMetric({}, size), /no input_abs_mean/, 'missing-statistics');
  });

  it('weigh by the root of the magnitude, the largest weight 1', () => {
    assert.deepEqual(Array.from(diagonalMetric({ absMean: Float64Array.of(4, 1, 16) }, size).columns!), [0.5, 0.25, 1]);
    assert.deepEqual(
      Array.from(diagonalMetric({ squareMean: Float64Array.of(16, 1, 256) }, size).columns!),
      [0.5, 0.25, 1],
    );
    assert.deepEqual(Array.from(fisherMetric({ fisher: Float64Array.of(1, 4) }, size).rows!), [0.5, 1]);
    assert.deepEqual(Array.from(fisherMetric({ fisher: Float64Array.of(1, 0, 0, 1, 1, 2) }, size).rows!), [0.5, 1]);
  });
});
