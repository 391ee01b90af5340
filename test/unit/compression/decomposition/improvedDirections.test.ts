/** Directions from those of the round before, against algebra: orthonormal, never worse, and the best at the end. */
import assert from 'node:assert/strict';
import { alternate, type Step } from '../../../../extension/compression/decomposition/alternating';
import { improvedDirections } from '../../../../extension/compression/decomposition/improvedDirections';
import { lowRank, type LowRank } from '../../../../extension/compression/decomposition/lowRank';
import { PLAIN, weighted, type Metric } from '../../../../extension/compression/decomposition/metric';
import {
  entriesSteps,
  lowRankStep,
  quantiseStep,
  refitEntries,
} from '../../../../extension/compression/decomposition/steps';
import { methodNamed } from '../../../../extension/compression/methods/registry';
import { partOperations } from '../../../../extension/compression/parts/registry';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { DEFAULT_OPTIONS } from '../../../../extension/shared/compression/methodOptions';
import { frobenius, randomMatrix } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };
const RANK = 6;
const SHAPES = [
  { outputs: 520, inputs: 610 },
  { outputs: 610, inputs: 520 },
];

/** Low rank, and noise that hides its last directions. */
function matrixOf({ outputs, inputs }: { outputs: number; inputs: number }): Float64Array {
  const left = randomMatrix(outputs, RANK, 1).map((value, i) => value / (1 + (i % RANK)));
  const sum = kernels.multiply(left, randomMatrix(RANK, inputs, 2), outputs, inputs, RANK, false, false);
  return sum.map((value, i) => value + 0.2 * noise[i]!);
}
const noise = randomMatrix(610, 610, 3);

function lost(
  w: Float64Array,
  found: Pick<LowRank, 'left' | 'right'>,
  size: (typeof SHAPES)[0],
  metric: Metric,
): number {
  const rest = w.slice();
  const part = { kind: 'product' as const, rank: RANK, left: found.left.map((x) => -x), right: found.right };
  partOperations('product').addTo(rest, part, size, kernels);
  return frobenius(weighted(metric, rest, size, kernels, tools.poll));
}

describe('low rank from that of the round before', () => {
  for (const size of SHAPES) {
    const { outputs, inputs } = size;
    const weights = (count: number): Float64Array => Float64Array.from({ length: count }, (_, i) => 1 + (i % 7));
    const metrics: Metric[] = [PLAIN, { of: 'fisher', rows: weights(outputs), columns: weights(inputs), notes: [] }];
    for (const metric of metrics) {
      it(`${outputs} × ${inputs}, metric of ${metric.of}: falls from any start to the best there is`, () => {
        const w = matrixOf(size);
        const best = lost(w, lowRank({ w, ...size }, metric, RANK, tools), size, metric);
        let found: Pick<LowRank, 'left' | 'right'> = {
          left: randomMatrix(outputs, RANK, 8).map((x) => 0.01 * x),
          right: randomMatrix(RANK, inputs, 9),
        };
        let before = lost(w, found, size, metric);
        const errors = [];
        for (let round = 0; round < 12; round++) {
          found = lowRank({ w, ...size }, metric, RANK, tools, found);
          const now = lost(w, found, size, metric);
          assert.ok(now <= before * (1 + 1e-12), `round ${round}: ${now} is above ${before}`);
          errors.push((before = now));
        }
        // The first is not the best: it came from the factors, and not from the spectrum.
        assert.ok(errors[0]! > best * 1.0001, `${errors[0]} is the best at once`);
        assert.ok(before >= best * (1 - 1e-12) && before <= best * (1 + 1e-6), `${before} beside ${best}`);
      });
    }

    it(`${outputs} × ${inputs}: the directions are orthonormal`, () => {
      const factors = { left: randomMatrix(outputs, RANK, 8), right: randomMatrix(RANK, inputs, 9) };
      const order = Math.min(outputs, inputs);
      const found = improvedDirections({ w: matrixOf(size), ...size }, factors, RANK, tools)!;
      const gram = kernels.multiply(found, found, RANK, RANK, order, false, true);
      gram.forEach((value, at) => assert.ok(Math.abs(value - (at % (RANK + 1) === 0 ? 1 : 0)) < 1e-12));
    });
  }

  it('leaves small matrices, many directions and directions of zero to the whole spectrum', () => {
    const size = SHAPES[0]!;
    const matrix = { w: matrixOf(size), ...size };
    const factors = (rank: number): { left: Float64Array; right: Float64Array } => ({
      left: randomMatrix(size.outputs, rank, 1),
      right: randomMatrix(rank, size.inputs, 2),
    });
    assert.equal(improvedDirections(matrix, factors(200), 200, tools), undefined);
    const small = { w: randomMatrix(40, 56, 1), outputs: 40, inputs: 56 };
    assert.equal(improvedDirections(small, { left: small.w, right: small.w }, 2, tools), undefined);
    const { left, right } = factors(2);
    assert.ok(improvedDirections(matrix, { left, right }, 2, tools));
    right.fill(0, size.inputs);
    assert.equal(improvedDirections(matrix, { left, right }, 2, tools), undefined);
  });

  it('loses in gear and lq-lora, within a hundredth, what the best directions of each round lose', () => {
    const size = SHAPES[0]!;
    const options = { ...DEFAULT_OPTIONS, quantiser: 'nf3' as const, rounds: 6 };
    const input = { layer: 'a', w: matrixOf(size), ...size, rank: RANK, statistics: {}, options };
    const step = lowRankStep(input, tools);
    const best: Step = { ...step, fit: (target, poll) => step.fit(target, poll, undefined) };
    const entries = entriesSteps(input);
    const exact = {
      gear: { steps: [...entries, quantiseStep(input), best, ...entries.map(() => refitEntries)] },
      'lq-lora': { start: [best], steps: [quantiseStep(input), best] },
    };
    for (const method of ['gear', 'lq-lora'] as const) {
      const { rounds } = methodNamed(method)(input, tools);
      rounds!.slice(1).forEach((error, i) => assert.ok(error < rounds![i]!, `${method}, round ${i + 2}`));
      const other = alternate(input, { ...exact[method], rounds: options.rounds, error: frobenius }, tools);
      assert.equal(rounds!.length, other.rounds.length);
      assert.ok(rounds![1] !== other.rounds[1], `${method} takes the whole spectrum`);
      const ratio = rounds!.at(-1)! / other.rounds.at(-1)!;
      assert.ok(Math.abs(ratio - 1) < 0.01, `${method}: ${ratio}`);
    }
  });
});
