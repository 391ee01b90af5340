/** Allocations that go by statistics of the inputs: `optimal-gram` by spectra of W·L, `block-influence` by what blocks do. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { scaledRatios } from '../../../../extension/compression/plan/alphaRatios';
import { influenceRatios } from '../../../../extension/compression/plan/influenceRatios';
import { preparePlan } from '../../../../extension/compression/plan/planner';
import type { PlanRequest } from '../../../../extension/compression/plan/planRequest';
import type { PlanLayer } from '../../../../extension/shared/compression/plans';
import { mulberry32 } from '../../../../extension/spectral/seededRandom';
import { PLAIN, planLayer, someLayers } from './planFixture';

const REST = { bytes: 40, parameters: 20 };

/** Layers whose outputs decay otherwise than their weights. */
const measuredLayers = fc
  .tuple(someLayers(6), fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 6, maxLength: 6 }))
  .map(([layers, powers]) =>
    layers.map((layer, l): PlanLayer => ({
      ...layer,
      gramEigenvalues: layer.eigenvalues!.map((_, i) => (l + 1) * (i + 1) ** -powers[l]!),
    })),
  );

const LLM = { method: { method: 'svd-llm' }, multiple: 1 } as const;

function outputSquare(layers: readonly PlanLayer[], plans: Readonly<Record<string, object>>): number {
  return layers.reduce((sum, { name, gramEigenvalues }) => {
    const { rank } = plans[name] as { rank?: number };
    return sum + (rank === undefined ? 0 : gramEigenvalues!.slice(rank).reduce((a, b) => a + b, 0));
  }, 0);
}

/** The least Σ of what is cut of the outputs, of all plans within a number of parameters. */
function bruteForce(layers: readonly PlanLayer[], most: number): number {
  let ends = [{ parameters: 0, lost: 0 }];
  for (const { outputs, inputs, gramEigenvalues } of layers) {
    const own = [{ parameters: outputs * inputs, lost: 0 }];
    for (let k = 1; k * (outputs + inputs) < outputs * inputs; k++) {
      const lost = gramEigenvalues!.slice(k).reduce((sum, value) => sum + value, 0);
      own.push({ parameters: k * (outputs + inputs), lost });
    }
    ends = ends.flatMap((end) =>
      own.map(({ parameters, lost }) => ({ parameters: end.parameters + parameters, lost: end.lost + lost })),
    );
  }
  return Math.min(...ends.filter(({ parameters }) => parameters <= most).map(({ lost }) => lost));
}

describe('the allocation optimal-gram', () => {
  const target = { kind: 'parameters', value: 0.6 } as const;

  it('loses as little of the outputs as the best of all plans, tried one by one', () => {
    const next = mulberry32(22);
    for (let trial = 0; trial < 40; trial++) {
      const layers = Array.from({ length: 3 }, (_, l): PlanLayer => {
        const [outputs, inputs] = [3 + Math.floor(8 * next()), 3 + Math.floor(8 * next())];
        const decay = (power: number): number[] =>
          Array.from({ length: Math.min(outputs, inputs) }, (__, i) => (i + 1) ** -power);
        return {
          ...planLayer(`b.${l}.w`, outputs, inputs, decay(1)),
          gramEigenvalues: Float64Array.from(decay(3 * next()), (value) => (0.1 + next()) * value)
            .sort()
            .reverse(),
        };
      });
      const whole = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, 0);
      const plan = preparePlan(layers, { bytes: 0, parameters: 0 }).allocate({
        ...LLM,
        allocation: 'optimal-gram',
        target,
      });
      const best = bruteForce(layers, target.value * whole);
      if (!plan.feasible) continue;
      const found = outputSquare(layers, plan.layers);
      assert.ok(found <= best * (1 + (plan.gap ?? 0)) + 1e-12, `${found}, best ${best}`);
      const energy = outputSquare(layers, Object.fromEntries(layers.map(({ name }) => [name, { rank: 0 }])));
      assert.ok(Math.abs(plan.totals.outputError! - Math.sqrt(found / energy)) < 1e-12);
    }
  });

  it('loses no more of the outputs than any other allocation at its number of parameters', () => {
    const others = fc.constantFrom('optimal', 'uniform', 'welore', 'farms-alpha', 'alphapruning', 'block-influence');
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(measuredLayers, others, share, fc.boolean(), (layers, allocation, value, relative) => {
        const planner = preparePlan(layers, REST);
        const blockInfluence = Object.fromEntries(layers.map(({ block }, l) => [block, 0.1 * l]));
        const asked: PlanRequest = {
          ...LLM,
          relative,
          allocation,
          blockInfluence,
          target: { kind: 'parameters', value },
        };
        const other = planner.allocate(asked).totals;
        const { before, after } = other.parameters;
        const mine = planner.allocate({
          ...asked,
          allocation: 'optimal-gram',
          target: { kind: 'parameters', value: after / before },
        }).totals;
        assert.ok(mine.parameters.after <= after);
        assert.ok(
          mine.outputError! <= other.outputError! * (1 + 1e-9) + 1e-12,
          `${mine.outputError}, ${other.outputError}`,
        );
      }),
      { numRuns: 300, seed: 16 },
    );
  });

  it('has a line of the errors of weights: that of optimal if outputs are weights many times as large', () => {
    fc.assert(
      fc.property(measuredLayers, (layers) => {
        const asked: PlanRequest = { ...LLM, allocation: 'optimal-gram', target };
        const scaled = layers.map((layer) => ({ ...layer, gramEigenvalues: layer.eigenvalues!.map((x) => 1024 * x) }));
        const same = preparePlan(scaled, REST);
        assert.deepEqual(same.curve(asked, 9), same.curve({ ...asked, allocation: 'optimal' }, 9));
        // At the least budget all allocations have the same ranks, and the errors of weights are those of these.
        const planner = preparePlan(layers, REST);
        assert.deepEqual(planner.curve(asked, 2)[0], planner.curve({ ...asked, allocation: 'uniform' }, 2)[0]);
      }),
      { numRuns: 50, seed: 16 },
    );
  });

  it('leaves layers dense that have no spectrum, and says why', () => {
    const bare = planLayer('b.1.w', 12, 12, [4, 3, 2, 1]);
    const known = { ...planLayer('b.0.w', 12, 12, [4, 3, 2, 1]), gramEigenvalues: Float64Array.of(9, 4, 1, 0.5) };
    const { layers } = preparePlan([known, bare], REST).allocate({ ...LLM, allocation: 'optimal-gram', target });
    assert.ok('rank' in layers['b.0.w']!);
    const why = 'has no spectrum under the Gram matrix of its inputs';
    assert.deepEqual(layers['b.1.w'], { keep: 'dense', why });
  });

  it('refuses methods without two factors, and errors of weights', () => {
    const planner = preparePlan([planLayer('b.0.w', 12, 12, [4, 3, 2, 1])], REST);
    const ask = (change: Partial<PlanRequest>) => () =>
      planner.allocate({ ...LLM, allocation: 'optimal-gram', target, ...change });
    assert.throws(ask({ method: { method: 'quantise' } }), /quantise does not have: choose svd-llm, or optimal/);
    assert.throws(ask({ target: { kind: 'error', value: 0.5 } }), /an error is of the weights: choose a size/);
  });
});

describe('the allocation block-influence', () => {
  it('has the ratios of MoDeGPT: L·φ·softmax(−s/ε), least of Σ s·φ − ε·H(φ)', () => {
    const [influences, epsilon, sparsity] = [[0.42, 0.11, 0.05, 0.09, 0.3], 0.1, 0.25];
    const ratios = scaledRatios(
      influenceRatios(influences, epsilon),
      influences.map(() => 7),
      sparsity,
    );
    const weights = influences.map((s) => Math.exp(-s / epsilon));
    const sum = weights.reduce((a, b) => a + b, 0);
    const expected = weights.map((weight) => (influences.length * sparsity * weight) / sum);
    expected.forEach((ratio, l) => assert.ok(Math.abs(ratio - ratios[l]!) < 1e-14));
    const objective = (phi: ArrayLike<number>): number =>
      influences.reduce((total, s, l) => total + s * phi[l]! + epsilon * phi[l]! * Math.log(phi[l]!), 0);
    const next = mulberry32(5);
    for (let trial = 0; trial < 200; trial++) {
      const step = influences.map(() => 0.02 * (next() - 0.5));
      const mean = step.reduce((a, b) => a + b, 0) / step.length;
      const moved = Array.from(ratios, (ratio, l) => ratio + step[l]! - mean);
      assert.ok(objective(moved) >= objective(ratios) - 1e-15);
    }
  });

  const layer = (name: string): PlanLayer =>
    planLayer(
      name,
      64,
      64,
      Array.from({ length: 64 }, (_, i) => 1 / (i + 1)),
    );
  const layers = ['m.0.q', 'm.0.k', 'm.1.q', 'm.1.k', 'head'].map(layer).map((each) => ({
    ...each,
    block: each.name.includes('.') ? each.name.slice(0, 3) : '',
  }));
  const target = { kind: 'parameters', value: 0.7 } as const;
  const ask = (change: Partial<PlanRequest>) =>
    preparePlan(layers, REST).allocate({ ...PLAIN, target, allocation: 'block-influence', ...change });

  it('keeps more of blocks that do more, as much of each layer of a block, and leaves out what is in none', () => {
    const { rows, feasible } = ask({ blockInfluence: { 'm.0': 0.3, 'm.1': 0.2 } });
    assert.ok(feasible);
    const kept = rows.map((row) => row.kept);
    assert.equal(kept[0], kept[1]);
    assert.equal(kept[2], kept[3]);
    // exp(−0.1/0.1) as much goes of the first; ranks are whole.
    assert.ok(Math.abs((1 - kept[0]!) / (1 - kept[2]!) - Math.exp(-1)) < 0.05, `${kept[0]} ${kept[2]}`);
    assert.deepEqual(rows[4]!.plan, { keep: 'dense', why: 'is in no block' });
  });

  it('is uniform where all blocks do as much, and nearly so at a high temperature', () => {
    const equal = ask({ blockInfluence: { 'm.0': 0.3, 'm.1': 0.3 } });
    const uniform = ask({ allocation: 'uniform', exclude: ['head'] });
    const hot = ask({ blockInfluence: { 'm.0': 0.9, 'm.1': 0.1 }, epsilon: 1e6 });
    const ranks = ({ rows }: typeof equal) => rows.slice(0, 4).map(({ plan }) => ('keep' in plan ? 0 : plan.rank));
    assert.deepEqual(ranks(equal), ranks(uniform));
    // A rank beside it: ratios differ by a millionth.
    ranks(hot).forEach((rank, l) => assert.ok(Math.abs(rank! - ranks(uniform)[l]!) <= 1));
  });

  it('names blocks that the statistics do not have, and needs some', () => {
    const { layers: plans } = ask({ blockInfluence: { 'm.0': 0.3 } });
    assert.deepEqual(plans['m.1.q'], {
      keep: 'dense',
      why: 'is in m.1, which has no block_influence in the statistics',
    });
    assert.throws(() => ask({}), /needs statistics with <block>\.block_influence/);
    assert.throws(() => ask({ blockInfluence: { 'm.0': 1 }, epsilon: 0 }), /choose an ε above 0/);
    assert.throws(() => ask({ blockInfluence: { 'm.0': 1 }, method: { method: 'quantise' } }), /has no rank that/);
  });

  it('takes influences far apart: what is left goes of the others', () => {
    const { feasible } = ask({
      blockInfluence: { 'm.0': 2, 'm.1': 0 },
      epsilon: 1e-4,
      target: { ...target, value: 0.5 },
    });
    assert.ok(feasible);
  });
});
