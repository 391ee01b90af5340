/** Allocations: the best there is on small cases, and what all of them keep to. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { preparePlan, tellingDigits } from '../../../../extension/compression/plan/planner';
import type { AllocatedPlan, PlanRequest } from '../../../../extension/compression/plan/planRequest';
import type { PlanLayer } from '../../../../extension/shared/compression/plans';
import { PLAIN, planLayer, someLayers } from './planFixture';

const REST = { bytes: 40, parameters: 20 };
const ALLOCATIONS = ['optimal', 'farms-alpha', 'alphapruning', 'welore', 'uniform'] as const;
const MULTIPLES = [1, 8, 32, 64] as const;

/** Decimals are no doubles: a target counts as met within some roundings. */
const SLACK = 1 + 8 * Number.EPSILON;

const share = fc.double({ min: 0, max: 1, noNaN: true });

function squaredError(layers: readonly PlanLayer[], { rows }: AllocatedPlan): number {
  return rows.reduce((sum, { error }, l) => sum + error! ** 2 * energyOf(layers[l]!), 0);
}

function energyOf({ eigenvalues }: PlanLayer): number {
  return eigenvalues!.reduce((sum, value) => sum + value, 0);
}

/** The least Σ‖W − Ŵ‖² of all plans within a number of parameters, by trying each; Infinity if none is. */
function bruteForce(layers: readonly PlanLayer[], most: number, multiple: number): number {
  let ends = [{ parameters: 0, lost: 0 }];
  for (const { outputs, inputs, eigenvalues } of layers) {
    const whole = outputs * inputs;
    const own = [{ parameters: whole, lost: 0 }];
    for (let k = multiple; k * (outputs + inputs) < whole; k += multiple) {
      own.push({
        parameters: k * (outputs + inputs),
        lost: eigenvalues!.slice(k).reduce((sum, value) => sum + value, 0),
      });
    }
    ends = ends.flatMap((end) =>
      own.map(({ parameters, lost }) => ({ parameters: end.parameters + parameters, lost: end.lost + lost })),
    );
  }
  return Math.min(...ends.filter(({ parameters }) => parameters <= most).map(({ lost }) => lost));
}

function flatSpectrum(size: number): number[] {
  return new Array<number>(size).fill(1);
}

describe('the optimal allocation', () => {
  it('loses as little as the best of all plans, tried one by one', () => {
    fc.assert(
      fc.property(someLayers(5), share, fc.constantFrom(1, 8), (layers, value, multiple) => {
        const planner = preparePlan(layers, REST);
        const plan = planner.allocate({ ...PLAIN, multiple: multiple, target: { kind: 'parameters', value } });
        const total = layers.reduce((sum, { outputs, inputs }) => sum + outputs * inputs, REST.parameters);
        const best = bruteForce(layers, Math.floor(value * total * SLACK) - REST.parameters, multiple);
        assert.equal(plan.feasible, best < Infinity);
        if (!plan.feasible) return;
        const energy = layers.reduce((sum, layer) => sum + energyOf(layer), 0);
        assert.ok(
          Math.abs(squaredError(layers, plan) - best) <= 1e-9 * energy,
          `${squaredError(layers, plan)} is not ${best}`,
        );
        assert.ok(plan.gap! <= 1e-9);
      }),
      { numRuns: 400, seed: 14 },
    );
  });

  it('needs the fewest parameters for an error', () => {
    fc.assert(
      fc.property(someLayers(4), share, (layers, value) => {
        const planner = preparePlan(layers, REST);
        const plan = planner.allocate({ ...PLAIN, target: { kind: 'error', value } });
        assert.ok(plan.feasible);
        assert.ok(plan.totals.error! <= value * (1 + 1e-12));
        const used = plan.totals.parameters.after - REST.parameters;
        const energy = layers.reduce((sum, layer) => sum + energyOf(layer), 0);
        // With one parameter less no plan is as good.
        assert.ok(bruteForce(layers, used - 1, 1) > value ** 2 * energy * (1 - 1e-9));
      }),
      { numRuns: 200, seed: 14 },
    );
  });

  it('quantises for an error as for a size, though that saves no parameters', () => {
    const layers = [planLayer('a.w', 64, 64, flatSpectrum(64)), planLayer('b.w', 64, 64, flatSpectrum(64))];
    const planner = preparePlan(layers, REST);
    const quantise = (kind: 'error' | 'parameters', value: number): AllocatedPlan =>
      planner.allocate({ ...PLAIN, method: { method: 'quantise', quantiser: 'int8' }, target: { kind, value } });
    const plan = quantise('error', 0.1);
    assert.equal(plan.totals.compressed, 2);
    assert.ok(plan.feasible && plan.totals.error! > 0);
    assert.equal(quantise('error', 0).totals.compressed, 0);
    const [dense] = Object.values(quantise('parameters', 0.5).layers);
    assert.deepEqual(dense, { keep: 'dense', why: 'the method makes it no smaller' });
  });

  it('leaves a flat spectrum whole or cuts it deep, where directions in order would stop half-way', () => {
    const layers = [planLayer('a.w', 16, 16, flatSpectrum(16)), planLayer('b.w', 16, 16, flatSpectrum(16))];
    const plan = preparePlan(layers, { bytes: 0, parameters: 0 }).allocate({
      ...PLAIN,
      target: { kind: 'parameters', value: 288 / 512 },
    });
    assert.deepEqual(
      Object.values(plan.layers)
        .map((each) => ('keep' in each ? 'dense' : each.rank))
        .sort(),
      [1, 'dense'],
    );
  });

  it('gives a dictionary as many atoms as an output is a sum of, at least', () => {
    const layers = [planLayer('a.w', 40, 60, flatSpectrum(40)), planLayer('b.w', 3, 4, flatSpectrum(3))];
    for (const multiple of MULTIPLES.slice(0, 2)) {
      const { rows, feasible } = preparePlan(layers, REST).allocate({
        ...{ ...PLAIN, multiple, method: { method: 'cospadi', nonzeros: 6 } },
        target: { kind: 'size', value: 0 },
      });
      assert.ok(!feasible);
      const [first, second] = rows.map(({ plan }) => plan);
      assert.deepEqual(first, { method: 'cospadi', nonzeros: 6, rank: multiple === 1 ? 6 : 8 });
      assert.deepEqual(second, { keep: 'dense', why: 'no rank is smaller than the layer itself' });
    }
  });

  it('weighs layers alike where errors are relative', () => {
    const layers = [
      planLayer('a.w', 8, 8, [8e6, 4e6, 2e6, 1e6, 0, 0, 0, 0]),
      planLayer('b.w', 8, 8, [8, 4, 2, 1, 0, 0, 0, 0]),
    ];
    const planner = preparePlan(layers, { bytes: 0, parameters: 0 });
    const target = { kind: 'parameters', value: 0.5 } as const;
    const ranks = (relative: boolean): unknown[] =>
      Object.values(planner.allocate({ ...PLAIN, target, relative }).layers).map((each) =>
        'keep' in each ? 0 : each.rank,
      );
    assert.deepEqual(ranks(true), [2, 2]);
    assert.deepEqual(ranks(false), [3, 1]);
  });
});

describe('every allocation', () => {
  const request = fc.record({
    allocation: fc.constantFrom(...ALLOCATIONS),
    multiple: fc.constantFrom(...MULTIPLES),
    relative: fc.boolean(),
    perBlock: fc.boolean(),
    target: fc.record({ kind: fc.constantFrom('size', 'parameters', 'error'), value: share }),
  }) as fc.Arbitrary<Omit<PlanRequest, 'method'>>;

  it('meets its target, or says why not', () => {
    fc.assert(
      fc.property(someLayers(8), request, (layers, asked) => {
        const plan = preparePlan(layers, REST).allocate({ ...asked, method: { method: 'svd' } });
        const { kind, value } = asked.target;
        const { totals } = plan;
        const reached =
          kind === 'error'
            ? totals.error!
            : kind === 'size'
              ? totals.bytes.after / totals.bytes.before
              : totals.parameters.after / totals.parameters.before;
        assert.equal(plan.reached, reached);
        assert.equal(plan.feasible, reached <= value * SLACK);
        assert.equal(plan.why === undefined, plan.feasible);
        if (plan.feasible) return;
        // Then nothing is smaller: every layer is at its smallest choice.
        for (const { parameters, plan: own } of plan.rows) {
          assert.ok(kind !== 'error');
          assert.ok('keep' in own || own.rank === asked.multiple, `${JSON.stringify(own)} of ${parameters.before}`);
        }
      }),
      { numRuns: 500, seed: 14 },
    );
  });

  it('has ranks that are multiples, and smaller than the layer', () => {
    fc.assert(
      fc.property(someLayers(8), request, (layers, asked) => {
        for (const { plan, parameters } of preparePlan(layers, REST).allocate({ ...asked, method: { method: 'svd' } })
          .rows) {
          if ('keep' in plan) assert.ok(plan.why.length > 0);
          else assert.ok(plan.rank! > 0 && plan.rank! % asked.multiple === 0 && parameters.after < parameters.before);
        }
      }),
      { numRuns: 300, seed: 14 },
    );
  });

  it('loses no more with a larger budget', () => {
    fc.assert(
      fc.property(someLayers(8), request, share, (layers, asked, other) => {
        const planner = preparePlan(layers, REST);
        const at = (value: number): AllocatedPlan =>
          planner.allocate({ ...asked, method: { method: 'svd' }, target: { kind: 'parameters', value } });
        const [less, more] = [Math.min(asked.target.value, other), Math.max(asked.target.value, other)].map(at);
        assert.ok(more!.totals.error! <= less!.totals.error! + 1e-9);
      }),
      { numRuns: 300, seed: 14 },
    );
  });

  it('is no better than the optimal one at its own number of parameters', () => {
    fc.assert(
      fc.property(someLayers(8), request, (layers, asked) => {
        const planner = preparePlan(layers, REST);
        const other = planner.allocate({ ...asked, method: { method: 'svd' } });
        const { before, after } = other.totals.parameters;
        const optimal = planner.allocate({
          ...asked,
          method: { method: 'svd' },
          allocation: 'optimal',
          target: { kind: 'parameters', value: after / before },
        });
        assert.ok(optimal.totals.parameters.after <= after);
        assert.ok(optimal.totals.error! <= other.totals.error! * (1 + 1e-9) + 1e-12);
      }),
      { numRuns: 300, seed: 14 },
    );
  });

  it('says how far a target is missed in as many digits as that takes', () => {
    const layers = [
      planLayer(
        'a',
        5000,
        5000,
        Array.from({ length: 5000 }, (_, i) => 1 / (i + 1)),
      ),
    ];
    const pinned = { a: { method: 'svd', rank: 1251 } } as const;
    const asked = { ...PLAIN, target: { kind: 'parameters', value: 0.5 }, pinned } as const;
    const plan = preparePlan(layers, { bytes: 0, parameters: 0 }).allocate(asked);
    assert.equal(plan.why, 'the rows that were set by hand take it to 50.04 %');
    assert.deepEqual([tellingDigits(0.5004, 0.5), tellingDigits(0.7, 0.5), tellingDigits(0.5, 0.5)], [4, 3, 9]);
  });

  it('keeps pinned rows, and meets the target with the others if asked to', () => {
    fc.assert(
      fc.property(someLayers(8), request, fc.nat(), fc.nat(), (layers, asked, which, size) => {
        const { name, outputs, inputs } = layers[which % layers.length]!;
        const pin = { method: 'svd', rank: 1 + (size % Math.min(outputs, inputs)) } as const;
        const planner = preparePlan(layers, REST);
        const full = { ...asked, method: { method: 'svd' }, pinned: { [name]: pin } } as const;
        const free = planner.allocate({ ...asked, method: { method: 'svd' } });
        const kept = planner.allocate(full);
        const balanced = planner.allocate({ ...full, rebalance: true });
        assert.deepEqual(kept.layers, { ...free.layers, [name]: pin });
        assert.deepEqual(balanced.layers[name], pin);
        if (!balanced.feasible) assert.ok(balanced.why!.length > 0);
        if (kept.feasible && asked.allocation === 'optimal') assert.ok(balanced.feasible);
      }),
      { numRuns: 300, seed: 14 },
    );
  });
});
