/** What a plan says that it takes as an adapter for PEFT, against sums by hand. */
import assert from 'node:assert/strict';
import { preparePlan } from '../../../../extension/compression/plan/planner';
import type { PlanTotals } from '../../../../extension/compression/plan/planRequest';
import type { LayerPlan } from '../../../../extension/shared/compression/plans';
import { PLAIN, planLayer } from './planFixture';

const REST = { bytes: 40, savedBytes: 60, parameters: 20 };
/** Two bytes an element; `blocks` takes 300 where it is read, and 1200 where it is written. */
const LAYERS = [
  planLayer('plain', 20, 30),
  { ...planLayer('blocks', 20, 30), storedBytes: 300, savedBytes: 1200 },
  planLayer('other', 10, 10),
];
const [DENSE, FACTORS, OTHER] = [1200, 4 * (20 + 30) * 2, 200];

function totals(layers: Readonly<Record<string, LayerPlan>>, more = {}): PlanTotals {
  return preparePlan(LAYERS, REST).described({ ...PLAIN, target: { kind: 'size', value: 1 }, ...more }, layers).totals;
}

describe('the size of a plan as an adapter', () => {
  for (const method of ['lq-lora', 'loftq'] as const) {
    it(`counts the base of ${method} decoded, and all that is saved with it`, () => {
      const choice: LayerPlan = { method, rank: 4 };
      const { bytes, asAdapter } = totals({ plain: choice, blocks: choice });
      assert.deepEqual(asAdapter, { bytes: 2 * (DENSE + FACTORS) + OTHER + REST.savedBytes, base: 'decoded' });
      if (method === 'loftq') assert.equal(bytes.after, asAdapter.bytes, 'no layout stores it otherwise');
      else assert.ok(bytes.after < asAdapter.bytes, 'parts take less');
    });
  }

  it('counts the factors alone of an adapter whose base is a quantised checkpoint', () => {
    const { asAdapter } = totals({ plain: { method: 'eora', rank: 4 } });
    assert.deepEqual(asAdapter, { bytes: FACTORS, base: 'elsewhere' });
  });

  it('is not told where it is the size of the plan, or where no adapter can hold the plan', () => {
    const told = (layers: Readonly<Record<string, LayerPlan>>, more = {}): unknown => totals(layers, more).asAdapter;
    const lq: LayerPlan = { method: 'lq-lora', rank: 4 };
    assert.equal(told({}), undefined);
    assert.equal(told({ plain: { method: 'pissa', rank: 4 } }), undefined);
    assert.equal(told({ plain: lq, blocks: { method: 'svd', rank: 4 } }), undefined);
    assert.equal(told({ plain: lq, blocks: { method: 'eora', rank: 4 } }), undefined);
    assert.equal(told({ plain: lq }, { leftOut: { other: 'with its group' }, groupShares: { other: 0.5 } }), undefined);
  });
});
