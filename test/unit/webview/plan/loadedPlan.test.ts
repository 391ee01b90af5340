import assert from 'node:assert/strict';
import type { CompressionPlan, LayerPlan, PlanLayer } from '../../../../extension/shared/compression/plans';
import { settingsOfLoaded } from '../../../../webview/plan/loadedPlan';
import { PlanLayers } from '../../../../webview/plan/planLayers';
import { BY_HAND, changedSettings, FIRST_SETTINGS, type PlanSettings } from '../../../../webview/plan/planSettings';

const NAMES = ['a', 'b', 'c', 'd', 'embedding'];

describe('a plan from a file on the page', () => {
  const layers = NAMES.map((name, i): PlanLayer => ({
    ...{ name, outputs: 16, inputs: 16, storedBytes: 1024, elementBytes: 4, block: '' },
    eigenvalues: Float64Array.from({ length: 16 }, (_, at) => (at + 1) ** -(1 + i / 2)),
    ...(name === 'embedding' && { leftOut: { why: 'is an embedding', always: false } }),
  }));
  const rest = { bytes: 0, parameters: 0 };
  const nothing = { leftOut: {}, groupShares: {} };
  const inspected = new PlanLayers(layers, rest);
  const asked: PlanSettings = { ...FIRST_SETTINGS, target: { kind: 'parameters', value: 0.6 } };

  /** The file of a plan that was made with these settings. */
  function saved(settings: PlanSettings, edited: Record<string, LayerPlan> = {}): CompressionPlan {
    const planned = inspected.plan(settings, nothing);
    assert.ok('plan' in planned);
    const { target, allocation, method, exclude, multiple } = settings;
    return {
      ...{ version: 1, checkpoint: { name: 'x', fingerprint: 'y' }, target, allocation, method, exclude, multiple },
      layers: { ...planned.plan.layers, ...edited },
    };
  }

  const loaded = (plan: CompressionPlan, from = inspected): PlanSettings => settingsOfLoaded(from, plan, () => nothing);

  it('has no row that is set by hand where the allocation gives all of them', () => {
    assert.deepEqual(loaded(saved(asked)), asked);
  });

  it('has the row set by hand that was edited in the file, and those that no allocation gives', () => {
    const { pinned, rebalance, loadedRows } = loaded(saved(asked, { b: { method: 'svd', rank: 1 } }));
    assert.deepEqual([pinned, rebalance, loadedRows], [{ b: { method: 'svd', rank: 1 } }, false, null]);
    const dense: LayerPlan = { keep: 'dense', why: BY_HAND };
    const byHand: Record<string, LayerPlan> = { embedding: { method: 'svd', rank: 2 }, a: dense };
    const balanced: PlanSettings = { ...asked, pinned: byHand };
    assert.deepEqual(loaded(saved(balanced)), balanced);
  });

  it('stands as it is, with no row set by hand, where this page cannot say how it was made', () => {
    const headers = new PlanLayers(
      layers.map(({ eigenvalues: _, ...layer }) => layer),
      rest,
    );
    const plan = saved(asked);
    const settings = loaded(plan, headers);
    assert.deepEqual([settings.pinned, settings.loadedRows], [{}, plan.layers]);
    const shown = headers.described(settings, nothing, { layers: plan.layers, gap: null });
    assert.deepEqual(shown.layers, plan.layers);
    assert.deepEqual(shown.missing, []);
    assert.ok(shown.feasible);
  });

  it('of an integer programme stands as it is, and is solved anew among the methods that it has', () => {
    const rows: Record<string, LayerPlan> = {
      ...{ a: { method: 'quantise', quantiser: 'int8' }, b: { method: 'svd', rank: 3 } },
      ...{ c: { keep: 'dense', why: 'is best kept whole' }, d: { method: 'svd', rank: 1 } },
      embedding: { keep: 'dense', why: 'is an embedding' },
    };
    const settings = loaded({ ...saved(asked), allocation: 'ilp', layers: rows });
    assert.deepEqual([settings.pinned, settings.loadedRows], [{}, rows]);
    assert.deepEqual(settings.choices, ['quantise', 'svd']);
    // The programme would refuse these among its choices: a person wrote them.
    const edited: Record<string, LayerPlan> = { ...rows, b: { method: 'tensor-train', rank: 2, cores: 2 } };
    edited['d'] = { method: 'pissa', rank: 1 };
    assert.deepEqual(loaded({ ...saved(asked), allocation: 'ilp', layers: edited }).choices, ['quantise']);
  });

  it('stands until something else is asked than rows that are set by hand', () => {
    const loadedRows: Record<string, LayerPlan> = { a: { method: 'svd', rank: 3 } };
    const settings: PlanSettings = { ...asked, rebalance: false, loadedRows };
    const of = (change: Partial<PlanSettings>): unknown => changedSettings(settings, change).loadedRows;
    const pinned: Record<string, LayerPlan> = { b: { method: 'svd', rank: 2 } };
    assert.equal(of({ pinned }), loadedRows);
    assert.equal(of({ rebalance: true }), loadedRows);
    assert.equal(of({ pinned, rebalance: true }), null);
    assert.equal(of({ target: { kind: 'size', value: 0.5 } }), null);
    assert.equal(of({ method: { method: 'dct' } }), null);
    assert.equal(of({ loadedRows: null }), null);
  });

  it('is not said to miss its target by rows that were set by hand, if none were', () => {
    const settings: PlanSettings = { ...asked, rebalance: false, target: { kind: 'parameters', value: 0.01 } };
    const why = (change: Partial<PlanSettings>): string | undefined => {
      const planned = inspected.plan({ ...settings, ...change }, nothing);
      assert.ok('plan' in planned);
      return planned.plan.why;
    };
    assert.match(why({})!, /^the share of parameters is .* % at least with these layers and this method$/);
    assert.match(why({ pinned: { a: { method: 'svd', rank: 6 } } })!, /^the rows that were set by hand take it to/);
  });
});
