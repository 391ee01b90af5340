/**
 * SVD in a metric: fwsvd, asvd, svd-llm, afm and eora against sums over the inputs themselves and against Jacobi
 * eigenvalues, which share nothing with the code.
 */
import assert from 'node:assert/strict';
import { compressMatrix, type LayerInput } from '../../../../extension/compression/compressMatrix';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import type { ProductPart } from '../../../../extension/shared/compression/parts';
import type { MethodName } from '../../../../extension/shared/compression/methodTable';
import type { LayerStatistics } from '../../../../extension/shared/compression/statistics';
import { frobenius, jacobiEigenvalues, naiveProduct, randomMatrix } from '../../../harness/numbers/denseReference';

const tools = { kernels: loadKernels(), poll: () => undefined };
const TOKENS = 40;

const SHAPES = [
  ['wide', 6, 9],
  ['tall', 9, 6],
  ['square', 7, 7],
] as const;

/** A layer, and inputs (in × tokens) of different sizes, with a mean. */
function made(outputs: number, inputs: number, offset = 1) {
  const w = randomMatrix(outputs, inputs, 5);
  const x = randomMatrix(inputs, TOKENS, 6).map((value, at) => {
    const row = Math.floor(at / TOKENS);
    return value * (0.1 + row ** 2) + offset * (row % 3);
  });
  const rows = Array.from({ length: inputs }, (_, i) => x.subarray(i * TOKENS, (i + 1) * TOKENS));
  const meanOf = (f: (value: number) => number) =>
    Float64Array.from(rows, (row) => row.reduce((sum, value) => sum + f(value), 0) / TOKENS);
  const statistics: LayerStatistics = {
    gram: naiveProduct(x, x, inputs, inputs, TOKENS, false, true),
    mean: meanOf((value) => value),
    absMean: meanOf(Math.abs),
    squareMean: meanOf((value) => value ** 2),
    fisher: randomMatrix(outputs, inputs, 7).map((value, at) => value ** 2 * (1 + Math.floor(at / inputs)) ** 3),
    tokens: TOKENS,
  };
  const input: LayerInput = { layer: 'a.weight', w, outputs, inputs, storedBytes: 8 * w.length };
  return { input, x, statistics };
}

function compressed(input: LayerInput, method: MethodName, rank: number, statistics: LayerStatistics) {
  const stored = compressMatrix(input, { method, rank }, statistics, 'F64', tools);
  const { left, right } = stored.parts[0]!.part as ProductPart;
  const { outputs, inputs } = input;
  return { ...stored, product: naiveProduct(left, right, outputs, inputs, rank) };
}

/** ‖D·(a − b)·L‖ with diagonal weights. */
function distance(
  a: Float64Array,
  b: Float64Array,
  inputs: number,
  rows?: Float64Array,
  columns?: Float64Array,
): number {
  return frobenius(
    a.map((value, at) => {
      const weight = (rows?.[Math.floor(at / inputs)] ?? 1) * (columns?.[at % inputs] ?? 1);
      return (value - b[at]!) * weight;
    }),
  );
}

/** ‖(a − b)·X‖ */
function outputDistance(a: Float64Array, b: Float64Array, outputs: number, inputs: number, x: Float64Array): number {
  return frobenius(
    naiveProduct(
      a.map((value, at) => value - b[at]!),
      x,
      outputs,
      TOKENS,
      inputs,
    ),
  );
}

/** √Σ of the λ of m·mᵀ beyond the first `rank`: the smallest error at that rank of a layer with so many inputs. */
function tail(m: Float64Array, { outputs, inputs }: LayerInput, rank: number): number {
  const lambda = jacobiEigenvalues(naiveProduct(m, m, outputs, outputs, m.length / outputs, false, true), outputs);
  const discarded = lambda.subarray(Math.max(0, outputs - inputs), outputs - rank);
  return Math.sqrt(discarded.reduce((sum, value) => sum + Math.max(0, value), 0));
}

const close = (a: number, b: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)), `${a} and ${b}`);

describe('SVD in a metric', () => {
  for (const [shape, outputs, inputs] of SHAPES) {
    const { input, x, statistics } = made(outputs, inputs);
    const { w } = input;
    const full = Math.min(outputs, inputs);
    const ranks = Array.from({ length: full }, (_, i) => i + 1);
    const zero = new Float64Array(w.length);

    it(`svd-llm, ${shape}: the outputs' error on the data that made C is the tail of σ(W·X), and what is reported`, () => {
      const outputsOf = naiveProduct(w, x, outputs, TOKENS, inputs);
      for (const rank of ranks) {
        const { product, measured } = compressed(input, 'svd-llm', rank, statistics);
        const error = outputDistance(w, product, outputs, inputs, x);
        close(error, tail(outputsOf, input, rank), 1e-7);
        close(measured.metric_error, error / frobenius(outputsOf));
        close(measured.output_error!, error / frobenius(outputsOf));
        close(measured.relative_error, distance(w, product, inputs) / frobenius(w));
        const plain = compressed(input, 'svd', rank, statistics);
        assert.ok(measured.output_error! <= plain.measured.output_error! + 1e-9);
        close(
          plain.measured.output_error!,
          outputDistance(w, plain.product, outputs, inputs, x) / frobenius(outputsOf),
        );
      }
    });

    it(`fwsvd, ${shape}: is the best in the metric of Fisher rows, from all weights or from their sums`, () => {
      const { fisher } = statistics;
      const sums = Float64Array.from({ length: outputs }, (_, i) =>
        fisher!.subarray(i * inputs, (i + 1) * inputs).reduce((sum, value) => sum + value, 0),
      );
      const rows = sums.map(Math.sqrt);
      const weighted = w.map((value, at) => value * rows[Math.floor(at / inputs)]!);
      for (const rank of ranks) {
        const { product, measured } = compressed(input, 'fwsvd', rank, { fisher });
        const error = distance(w, product, inputs, rows);
        close(error, tail(weighted, input, rank), 1e-7);
        close(measured.metric_error, error / distance(w, zero, inputs, rows));
        const plain = compressed(input, 'svd', rank, {}).product;
        assert.ok(error <= distance(w, plain, inputs, rows) + 1e-9);
        assert.deepEqual(compressed(input, 'fwsvd', rank, { fisher: sums }).product, product);
      }
    });

    for (const known of ['absMean', 'squareMean'] as const) {
      it(`asvd, ${shape}: is the best in the metric of ${known}`, () => {
        const magnitudes = statistics[known]!.map(known === 'absMean' ? (value) => value : Math.sqrt);
        const columns = magnitudes.map(Math.sqrt);
        const weighted = w.map((value, at) => value * columns[at % inputs]!);
        for (const rank of ranks) {
          const { product, measured } = compressed(input, 'asvd', rank, { [known]: statistics[known] });
          const error = distance(w, product, inputs, undefined, columns);
          close(error, tail(weighted, input, rank), 1e-7);
          close(measured.metric_error, error / distance(w, zero, inputs, undefined, columns));
          const plain = compressed(input, 'svd', rank, {}).product;
          assert.ok(error <= distance(w, plain, inputs, undefined, columns) + 1e-9);
        }
      });
    }

    it(`afm, ${shape}: keeps the principal components of the outputs, and its bias their mean`, () => {
      for (const rank of ranks.slice(0, -1)) {
        const { product, measured, bias } = compressed(input, 'afm', rank, statistics);
        // What is left of the outputs, token by token, bias included.
        const outputsOf = naiveProduct(w, x, outputs, TOKENS, inputs);
        const kept = naiveProduct(product, x, outputs, TOKENS, inputs);
        const left = outputsOf.map((value, at) => value - kept[at]! - bias![Math.floor(at / TOKENS)]!);
        const centred = outputsOf.map((value, at) => {
          const row = Math.floor(at / TOKENS);
          const own = outputsOf.subarray(row * TOKENS, (row + 1) * TOKENS);
          return value - own.reduce((sum, each) => sum + each, 0) / TOKENS;
        });
        close(frobenius(left), tail(centred, input, rank), 1e-6);
        close(measured.output_error!, frobenius(left) / frobenius(outputsOf), 1e-7);
        const plain = compressed(input, 'svd-llm', rank, statistics).measured;
        assert.ok(measured.output_error! <= plain.output_error! + 1e-9, 'a bias can only help');
      }
    });

    it(`afm, ${shape}: has no bias and at most the error of svd if the data are centred`, () => {
      const { gram } = statistics;
      const centred = { gram, mean: new Float64Array(inputs), tokens: TOKENS } as LayerStatistics;
      for (const rank of ranks) {
        const { measured, bias } = compressed(input, 'afm', rank, centred);
        assert.ok(bias!.every((value) => value === 0));
        const plain = compressed(input, 'svd', rank, centred).measured;
        assert.ok(measured.output_error! <= plain.output_error! + 1e-9);
      }
    });

    it(`eora, ${shape}: is the best for what is lost of the outputs`, () => {
      const quantised = w.map((value) => Math.round(value * 2) / 2);
      const lost = w.map((value, at) => value - quantised[at]!);
      const lostOutputs = naiveProduct(lost, x, outputs, TOKENS, inputs);
      for (const rank of ranks) {
        const { product, measured } = compressed({ ...input, quantised }, 'eora', rank, statistics);
        const error = outputDistance(lost, product, outputs, inputs, x);
        close(error, tail(lostOutputs, input, rank), 1e-7);
        const whole = frobenius(naiveProduct(w, x, outputs, TOKENS, inputs));
        close(measured.output_error!, error / whole, 1e-8);
        const plain = compressed({ ...input, w: lost }, 'svd', rank, {}).product;
        assert.ok(error <= outputDistance(lost, plain, outputs, inputs, x) + 1e-9);
        assert.equal(measured.parameters.after, rank * (outputs + inputs));
        assert.equal(measured.multiply_adds.after, outputs * inputs + rank * (outputs + inputs));
      }
    });

    it(`${shape}: every method returns W at full rank, and svd's factors where the metric is the identity`, () => {
      const identity: LayerStatistics = {
        gram: Float64Array.from({ length: inputs ** 2 }, (_, at) => (at % (inputs + 1) === 0 ? 4 : 0)),
        mean: new Float64Array(inputs),
        absMean: new Float64Array(inputs).fill(3),
        fisher: new Float64Array(outputs).fill(2),
        tokens: 4,
      };
      const quantised = new Float64Array(w.length);
      for (const method of ['svd', 'fwsvd', 'asvd', 'svd-llm', 'afm', 'eora'] as const) {
        const whole = compressed({ ...input, quantised }, method, full, statistics);
        assert.ok(distance(w, whole.product, inputs) < 1e-9 * frobenius(w), method);
        for (const rank of ranks) {
          const plain = compressed(input, 'svd', rank, {}).product;
          const own = compressed({ ...input, quantised }, method, rank, identity).product;
          assert.ok(distance(plain, own, inputs) < 1e-9 * frobenius(w), `${method} ${rank}`);
        }
      }
    });

    it(`${shape}: dead inputs and outputs bring no Inf or NaN, and keep what the directions hold of them`, () => {
      const dead = { ...statistics };
      dead.absMean = statistics.absMean!.map((value, i) => (i === 1 ? 0 : value));
      dead.fisher = statistics.fisher!.map((value, at) => (Math.floor(at / inputs) === 2 ? 0 : value));
      dead.gram = statistics.gram!.map((value, at) => (at % inputs === 1 || Math.floor(at / inputs) === 1 ? 0 : value));
      for (const method of ['fwsvd', 'asvd', 'svd-llm'] as const) {
        for (const rank of ranks) {
          const { product, measured } = compressed(input, method, rank, dead);
          assert.ok(product.every(Number.isFinite), method);
          assert.ok(measured.metric_error <= 1 && measured.relative_error < 2, `${method} ${measured.relative_error}`);
          const ridge = /not positive definite: 1e-6 of its mean diagonal element was added/;
          if (method === 'svd-llm' && rank < full) assert.match(measured.notes.join(), ridge);
        }
      }
    });
  }
});
