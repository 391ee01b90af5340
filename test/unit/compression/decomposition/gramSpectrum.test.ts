/** What the spectrum of W·L says beside what svd-llm loses of outputs on the data that made the Gram matrix. */
import assert from 'node:assert/strict';
import { compressMatrix } from '../../../../extension/compression/compressMatrix';
import { gramSpectrum } from '../../../../extension/compression/decomposition/gramSpectrum';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { randomMatrix } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

describe('the spectrum under a Gram matrix', () => {
  for (const [outputs, inputs] of [
    [9, 14],
    [14, 9],
    [10, 10],
  ] as const) {
    it(`of a ${outputs} × ${inputs} matrix tells what svd-llm loses at every rank, multiplied out on the inputs`, () => {
      const tokens = 40;
      const w = randomMatrix(outputs, inputs, 3);
      const x = randomMatrix(inputs, tokens, 4).map((value, at) => value * (1 + (Math.floor(at / tokens) % 5) ** 2));
      const gram = kernels.gram(x, inputs, tokens, 'rows');
      const layer = { layer: 'fc', w, outputs, inputs };
      const spectrum = gramSpectrum(layer, { gram }, tools);
      assert.equal(spectrum.length, Math.min(outputs, inputs));
      const whole = norm(kernels.multiply(w, x, outputs, tokens, inputs, false, false));
      assert.ok(Math.abs(Math.sqrt(spectrum.reduce((a, b) => a + b, 0)) - whole) < 1e-10 * whole);
      for (let rank = 1; rank < spectrum.length; rank++) {
        const input = { ...layer, storedBytes: w.byteLength };
        const { parts } = compressMatrix(input, { method: 'svd-llm', rank }, { gram }, 'F64', tools);
        const part = parts[0]!.part;
        assert.ok(part.kind === 'product');
        const kept = kernels.multiply(part.left, part.right, outputs, inputs, rank, false, false);
        const lost = norm(
          kernels.multiply(
            w.map((value, at) => value - kept[at]!),
            x,
            outputs,
            tokens,
            inputs,
            false,
            false,
          ),
        );
        const told = Math.sqrt(spectrum.subarray(rank).reduce((a, b) => a + b, 0));
        assert.ok(Math.abs(told - lost) < 1e-8 * whole, `rank ${rank}: ${told}, ${lost}`);
      }
    });
  }

  it('has none below zero, and needs the Gram matrix', () => {
    const gram = Float64Array.of(1, 1, 1, 1);
    const layer = { layer: 'fc', w: Float64Array.of(1, -1, 2, -2), outputs: 2, inputs: 2 };
    assert.ok(gramSpectrum(layer, { gram }, tools).every((value) => value >= 0));
    assert.throws(() => gramSpectrum(layer, {}, tools), /no input_gram/);
  });
});
