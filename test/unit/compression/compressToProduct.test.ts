/** A compressed layer as one matrix again: the errors that are reported are those of the bytes. */
import assert from 'node:assert/strict';
import { compressToProduct } from '../../../extension/compression/compressToProduct';
import { loadKernels } from '../../../extension/linalg/kernels/loadKernels';
import type { LayerChoice } from '../../../extension/shared/compression/plans';
import type { LayerStatistics } from '../../../extension/shared/compression/statistics';
import { frobenius, naiveProduct, randomMatrix } from '../../harness/numbers/denseReference';

const tools = { kernels: loadKernels(), poll: () => undefined };

const OUTPUTS = 7;
const INPUTS = 5;
const TOKENS = 40;

const w = randomMatrix(OUTPUTS, INPUTS, 3);
const x = randomMatrix(TOKENS, INPUTS, 4);
const gram = naiveProduct(x, x, INPUTS, INPUTS, TOKENS, true, false);
const fisher = Float64Array.from({ length: OUTPUTS }, (_, i) => (i + 1) ** 2);

function product(choice: LayerChoice, statistics: LayerStatistics, inputsFirst = false) {
  const input = { layer: 'a.weight', w, outputs: OUTPUTS, inputs: INPUTS, storedBytes: 4 * w.length };
  return compressToProduct(input, inputsFirst, choice, statistics, 'BF16', tools);
}

/** The bytes of BF16, which are the upper halves of float32. */
function decoded(bytes: Uint8Array): Float64Array {
  const halves = new Uint16Array(bytes.slice().buffer);
  return Float64Array.from(new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer));
}

const differenceTo = (stored: Float64Array): Float64Array => w.map((value, i) => value - stored[i]!);

/** ‖WX‖ over the inputs that made the Gram matrix. */
const outputsOf = (matrix: Float64Array): number =>
  frobenius(naiveProduct(x, matrix, TOKENS, OUTPUTS, INPUTS, false, true));

function assertClose(actual: number | null, expected: number): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= 1e-9 * expected, `${actual}, not ${expected}`);
}

describe('a compressed layer as one matrix', () => {
  for (const rank of [2, INPUTS]) {
    it(`svd-llm at rank ${rank}: reports the errors of the rounded matrix`, () => {
      const { measured, product: saved } = product({ method: 'svd-llm', rank }, { gram, tokens: TOKENS });
      const difference = differenceTo(decoded(saved!.bytes));
      assertClose(measured.relative_error, frobenius(difference) / frobenius(w));
      assertClose(measured.output_error, outputsOf(difference) / outputsOf(w));
      assertClose(measured.metric_error, outputsOf(difference) / outputsOf(w));
    });
  }

  it('fwsvd at full rank: the error in its metric is that of rounding alone', () => {
    const { measured, product: saved } = product({ method: 'fwsvd', rank: INPUTS }, { fisher });
    const difference = differenceTo(decoded(saved!.bytes));
    const inMetric = (matrix: Float64Array): number =>
      frobenius(matrix.map((value, i) => value * Math.sqrt(fisher[Math.floor(i / INPUTS)]!)));
    assert.ok(measured.metric_error > 1e-4);
    assertClose(measured.metric_error, inMetric(difference) / inMetric(w));
    assert.equal(measured.output_error, null);
  });

  it('lies as its file has it, and costs what a dense layer costs', () => {
    const [plain, turned] = [false, true].map((inputsFirst) => product({ method: 'svd', rank: 2 }, {}, inputsFirst));
    const rows = decoded(plain!.product!.bytes);
    const columns = decoded(turned!.product!.bytes);
    for (let i = 0; i < OUTPUTS; i++) {
      for (let j = 0; j < INPUTS; j++) assert.equal(columns[j * OUTPUTS + i], rows[i * INPUTS + j]);
    }
    const { parameters, bytes, multiply_adds } = turned!.measured;
    assert.deepEqual([parameters.after, bytes, multiply_adds.after], [35, { before: 140, after: 70 }, 35]);
  });
});
