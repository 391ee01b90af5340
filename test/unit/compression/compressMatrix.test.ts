/** One matrix through the registry of methods: what is reported is what is stored. */
import assert from 'node:assert/strict';
import { compressMatrix, type LayerInput } from '../../../extension/compression/compressMatrix';
import type { FloatDType } from '../../../extension/compression/narrow';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import type { ProductPart } from '../../../extension/shared/compression/parts';
import type { LayerChoice } from '../../../extension/shared/compression/plans';
import { frobenius, jacobiEigenvalues, naiveProduct, randomMatrix } from '../../harness/numbers/denseReference';

const tools = { kernels: loadKernels(), poll: () => undefined };

function inputOf(w: Float64Array, outputs: number, inputs: number): LayerInput {
  return { layer: 'a.weight', w, outputs, inputs, storedBytes: 4 * w.length };
}

const compressed = (input: LayerInput, choice: LayerChoice, dtype: FloatDType = 'F64') =>
  compressMatrix(input, choice, {}, dtype, tools);

describe('compressing a matrix', () => {
  const [outputs, inputs] = [7, 5];
  const w = randomMatrix(outputs, inputs, 3);
  const input = inputOf(w, outputs, inputs);

  it('svd: has the error of the discarded σ, and the costs of two factors', () => {
    const gram = naiveProduct(w, w, inputs, inputs, outputs, true, false);
    const lambda = jacobiEigenvalues(gram, inputs).toReversed();
    for (let rank = 1; rank <= inputs; rank++) {
      const { measured } = compressed(input, { method: 'svd', rank });
      const tail = Math.sqrt(lambda.subarray(rank).reduce((sum, value) => sum + value, 0));
      assert.ok(Math.abs(measured.relative_error - tail / frobenius(w)) < 1e-12, `rank ${rank}`);
      assert.equal(measured.metric_error, measured.relative_error);
      assert.equal(measured.output_error, null);
      assert.deepEqual(measured.parameters, { before: 35, after: 12 * rank });
      assert.deepEqual(measured.multiply_adds, { before: 35, after: 12 * rank });
      assert.deepEqual(measured.bytes, { before: 140, after: 96 * rank });
      assert.equal(measured.activations, rank);
    }
  });

  it('measures the rounded values, which are those in the bytes', () => {
    const { measured, parts } = compressed(input, { method: 'svd', rank: 2 }, 'BF16');
    const part = parts[0]!.part as ProductPart;
    const bf16 = (bytes: Uint8Array) =>
      Float64Array.from(
        { length: bytes.length / 2 },
        (_, i) => new Float32Array(new Uint32Array([(bytes[2 * i]! | (bytes[2 * i + 1]! << 8)) << 16]).buffer)[0]!,
      );
    const [left, right] = parts[0]!.fields.map(({ bytes }) => bf16(bytes));
    assert.deepEqual([part.left, part.right], [left, right]);
    const product = naiveProduct(left!, right!, outputs, inputs, 2, false, false);
    const error = frobenius(w.map((value, i) => value - product[i]!)) / frobenius(w);
    assert.ok(Math.abs(measured.relative_error - error) < 1e-14);
    assert.equal(measured.bytes.after, 2 * 24);
  });

  it('does not change the matrix, and gives back a zero one without an error', () => {
    const before = w.slice();
    compressed(input, { method: 'svd', rank: 2 });
    assert.deepEqual(w, before);
    const { measured } = compressed(inputOf(new Float64Array(12), 3, 4), { method: 'svd', rank: 2 });
    assert.equal(measured.relative_error, 0);
    assert.match(measured.notes.join(), /numerical rank 0/);
  });

  it('refuses what the tables do not allow, with the layer in front', () => {
    const refused = (choice: object, code: string, message: RegExp) =>
      assert.throws(() => compressed(input, choice as LayerChoice), { code, message });
    refused({ method: 'svd', rank: 6 }, 'invalid-rank', /^layer a\.weight: rank 6 /);
    refused(
      { method: 'svd', rank: 2, bits: 3 },
      'invalid-option',
      /^layer a\.weight: the method svd has no option bits/,
    );
    refused({ method: 'hasOwnProperty', rank: 2 }, 'unknown-method', /choose one of: svd/);
  });
});
