/** Integer programming: as good as the best of all assignments, within the budget, with an honest bound. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assign, type AssignmentProblem } from '../../../../extension/compression/assignment/assign';
import { assignmentChoices } from '../../../../extension/compression/assignment/choices';
import { choiceCost, denseCost } from '../../../../extension/compression/plan/methodCosts';
import { planLayer } from '../plan/planFixture';

const choices = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 1000 })), { minLength: 1, maxLength: 4 })
  .map((steps) => {
    let [capped, left] = [0, steps.reduce((sum, [, saved]) => sum + saved, 0)];
    const all = steps.map(([cost, saved]) => ({ capped: (capped += cost), minimised: (left -= saved) }));
    return {
      capped: Float64Array.from(all, (each) => each.capped),
      minimised: Float64Array.from(all, (each) => each.minimised),
    };
  });

function bruteForce({ layers, cap }: AssignmentProblem): number {
  let sums: [capped: number, minimised: number][] = [[0, 0]];
  for (const { capped, minimised } of layers) {
    sums = sums.flatMap(([c, m]) => Array.from(capped, (cost, i): [number, number] => [c + cost, m + minimised[i]!]));
  }
  return Math.min(...sums.filter(([c]) => c <= cap).map(([, m]) => m));
}

describe('an assignment by integer programming', () => {
  it('is the best of all, tried one by one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(choices, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 400 }),
        async (layers, cap) => {
          const problem = { layers, cap, timeLimit: 10 };
          const found = await assign(problem);
          const best = bruteForce(problem);
          assert.equal(found === undefined, best === Infinity);
          if (!found) return;
          const sum = (values: 'capped' | 'minimised'): number =>
            layers.reduce((total, layer, l) => total + layer[values][found.chosen[l]!]!, 0);
          assert.ok(sum('capped') <= cap);
          assert.equal(sum('minimised'), best);
          assert.equal(found.minimised, best);
          assert.ok(found.bound <= best);
        },
      ),
      { numRuns: 100, seed: 14 },
    );
  });

  it('solves what is too large for sums of near-ties, within its time', async () => {
    // Integer costs and gains that are nearly proportional: the hard case of knapsacks.
    let state = 7;
    const random = (): number => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
    const layers = Array.from({ length: 60 }, () => {
      const size = 1e6 * (1 + random());
      const shares = [0.2, 0.4, 0.6, 0.8, 1];
      return {
        capped: Float64Array.from(shares, (share) => Math.round(size * share)),
        minimised: Float64Array.from(shares, (share) => size * (1 - share) * (1 + 0.01 * random())),
      };
    });
    const cap = 0.5 * layers.reduce((sum, { capped }) => sum + capped.at(-1)!, 0);
    const found = (await assign({ layers, cap, timeLimit: 5 }))!;
    const used = layers.reduce((sum, { capped }, l) => sum + capped[found.chosen[l]!]!, 0);
    assert.ok(used <= cap);
    assert.ok(found.bound <= found.minimised && found.minimised - found.bound <= 0.01 * found.minimised);
  });
});

describe('the choices of a layer', () => {
  const layer = planLayer('a.weight', 256, 128);

  it('are ranks of several sizes, multiples, each smaller than the layer', () => {
    const made = assignmentChoices(layer, [{ method: 'svd' }], 8);
    assert.deepEqual(
      made,
      [8, 16, 40, 64].map((rank) => ({ method: 'svd', rank })),
    );
    const dense = denseCost(layer, layer.storedBytes);
    for (const choice of made) assert.ok(choiceCost(choice, layer, dense).bytes < dense.bytes);
  });

  it('are several bit widths of a method that rounds, or the one that is given', () => {
    const widths = assignmentChoices(layer, [{ method: 'quantise' }], 1);
    assert.deepEqual(
      widths.map(({ quantiser }) => quantiser),
      ['nf3', 'nf4', 'int8'],
    );
    const one = assignmentChoices(layer, [{ method: 'lq-lora', quantiser: 'nf4' }], 1);
    assert.deepEqual(one, [{ method: 'lq-lora', quantiser: 'nf4', rank: 16 }]);
  });
});
