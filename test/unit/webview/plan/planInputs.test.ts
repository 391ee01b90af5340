import assert from 'node:assert/strict';
import { KnownOfLayers } from '../../../../extension/shared/compression/methodNeeds';
import type { LayerPlan, PlanLayer } from '../../../../extension/shared/compression/plans';
import { chosenGroups, outOfReach, type PlanInputs } from '../../../../webview/plan/planInputs';
import { FIRST_SETTINGS } from '../../../../webview/plan/planSettings';

describe('layers that a plan on the page cannot reach', () => {
  const layers = ['a', 'b'].map((name): PlanLayer => ({
    ...{ name, outputs: 4, inputs: 4, storedBytes: 64, elementBytes: 4, block: '' },
  }));
  const covered = [{ layer: 'a', tokens: 8, has: ['gram'] as const, condition: null }];
  const inputs: PlanInputs = {
    known: new KnownOfLayers({ covered, refused: {} }, new Set()),
    ...{ statistics: null, quantised: null, groups: [] },
  };
  const none = { groups: {}, members: new Map(), measured: [], left: [], problems: new Map() };
  const leftOut = (pinned: Record<string, LayerPlan>, method: 'svd' | 'svd-llm'): Readonly<Record<string, string>> =>
    outOfReach(layers, { ...FIRST_SETTINGS, method: { method }, pinned }, inputs, none).leftOut;

  it('are those that lack what the method of all needs', () => {
    assert.deepEqual(leftOut({}, 'svd'), {});
    assert.deepEqual(leftOut({}, 'svd-llm'), { b: 'is not in the statistics' });
  });

  it('are those that were not chosen in the table, pinned or not, and groups that reach beyond the chosen ones', () => {
    const before = { kind: 'size', value: 0.5 } as const;
    const only = { label: 'h.0', layers: ['a'], before };
    const settings = { ...FIRST_SETTINGS, only, pinned: { b: { method: 'svd', rank: 1 } as const } };
    assert.deepEqual(outOfReach(layers, settings, inputs, none).leftOut, {
      b: 'is not among the layers chosen in the table',
    });
    const option = { method: 'nystrom', name: 'mlp', most: 8, measuredAt: 'a' } as const;
    const groupsOf = (members: readonly string[]): string[] => {
      const asked = { ...settings, groups: [{ method: 'nystrom', share: 0.5 } as const] };
      const statistics = { covered, refused: {}, path: 's', fingerprint: 'f' } as unknown as PlanInputs['statistics'];
      return Object.keys(chosenGroups(asked, { ...inputs, statistics, groups: [{ ...option, members }] }).groups);
    };
    assert.deepEqual(groupsOf(['a']), ['mlp']);
    assert.deepEqual(groupsOf(['a', 'b']), []);
  });

  it('are rows set by hand that lack what their own method needs, and no others', () => {
    const ranked = (method: 'svd' | 'svd-llm'): LayerPlan => ({ method, rank: 1 });
    assert.deepEqual(leftOut({ a: ranked('svd-llm'), b: ranked('svd-llm') }, 'svd'), { b: 'is not in the statistics' });
    assert.deepEqual(leftOut({ b: ranked('svd') }, 'svd-llm'), {});
    assert.deepEqual(leftOut({ b: { keep: 'dense', why: 'by hand' } }, 'svd-llm'), {});
  });
});
