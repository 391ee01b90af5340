/** Costs that plans weigh ranks by, held to those measured on what is stored, for every method. */
import assert from 'node:assert/strict';
import { elementSize } from '../../../../extension/checkpoint/elements/dtype';
import { compressMatrix } from '../../../../extension/compression/compressMatrix';
import { choiceCost, denseCost } from '../../../../extension/compression/plan/methodCosts';
import { loadKernels } from '../../../../extension/linalg/kernels/loadKernels';
import { QUANTISERS } from '../../../../extension/shared/compression/methodOptions';
import { layerMethods } from '../../../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../../../extension/shared/compression/plans';
import { randomMatrix } from '../../../harness/numbers/denseReference';

const kernels = loadKernels();
const tools = { kernels, poll: () => undefined };
const [OUTPUTS, INPUTS] = [28, 46];

const w = randomMatrix(OUTPUTS, INPUTS, 1);
const gram = kernels.gram(randomMatrix(INPUTS, 90, 2), INPUTS, 90, 'rows');
const statistics = {
  ...{ gram, mean: new Float64Array(INPUTS), tokens: 90 },
  absMean: randomMatrix(1, INPUTS, 4).map((value) => 1 + Math.abs(value)),
  fisher: randomMatrix(OUTPUTS, INPUTS, 5).map((value) => 1 + value ** 2),
};
const quantised = w.map((value) => Math.round(value * 4) / 4);

/** Adapters of a quantised checkpoint have their base elsewhere: none of its numbers is stored new. */
const ELSEWHERE: ReadonlySet<string> = new Set(['eora']);

describe('the cost of a choice', () => {
  const choices: LayerChoice[] = layerMethods.flatMap(({ name, rank, options }): LayerChoice[] => {
    const ranked = rank === undefined ? [{ method: name }] : [1, 7].map((each) => ({ method: name, rank: each }));
    if (!options.some((option) => option === 'quantiser')) return ranked;
    return QUANTISERS.flatMap((quantiser) => ranked.map((choice) => ({ ...choice, quantiser, block: 20, bits: 3 })));
  });

  for (const dtype of ['F32', 'BF16'] as const) {
    it(`is what every method stores and computes, in ${dtype}`, () => {
      const size = { outputs: OUTPUTS, inputs: INPUTS, elementBytes: elementSize(dtype) };
      const storedBytes = OUTPUTS * INPUTS * size.elementBytes;
      const base = denseCost(size, storedBytes);
      const wrong: unknown[] = [];
      for (const choice of choices) {
        if (ELSEWHERE.has(choice.method)) continue;
        const layer = { layer: 'fc', w, outputs: OUTPUTS, inputs: INPUTS, storedBytes, quantised };
        const { measured } = compressMatrix(layer, choice, statistics, dtype, tools);
        const cost = choiceCost(choice, size, base);
        const counted = [cost.parameters, cost.bytes, cost.multiplyAdds];
        const stored = [measured.parameters.after, measured.bytes.after, measured.multiply_adds.after];
        if (counted.some((number, at) => number !== stored[at])) wrong.push({ choice, counted, stored });
      }
      assert.deepEqual(wrong, []);
    });
  }
});
