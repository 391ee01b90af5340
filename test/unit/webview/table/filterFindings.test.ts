/** The filter that stands for a group of findings lets through its layers and no others, whatever the group. */
import assert from 'node:assert/strict';
import { groupFindings } from '../../../../extension/shared/findings/findingGroups';
import { unusualLayers } from '../../../../extension/shared/findings/unusualLayers';
import type { LayerResult } from '../../../../extension/shared/layers';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { mapGrid } from '../../../../webview/map/mapGrid';
import { moduleTree } from '../../../../webview/model/moduleTree';
import { FilterFindings } from '../../../../webview/table/filterFindings';
import { RowFilter } from '../../../../webview/table/rowFilter';

function tensor(name: string): TensorSummary {
  return { name, group: '', dtype: 'F32', parameters: 64, bytes: 256, shape: [8, 8], layers: [name] };
}

function result(name: string, more: Partial<LayerResult> = {}): LayerResult {
  const statistics = { count: 64, min: 0, max: 1, mean: 0.5, std: 0.1, l2: 5, zeros: 0, nan: 0, inf: 0 };
  return {
    ...{ name, tensor: name, shape: [8, 8], dtype: 'F32', matrices: 1, N: 8, M: 8, metrics: {}, fits: {} },
    ...{ farms: null, ranks: {}, problems: [], statistics },
    ...more,
  };
}

const NAN = { count: 64, min: 0, max: 1, mean: 0.5, std: 0.1, l2: 5, zeros: 0, nan: 3, inf: 0 };
const ZERO = { ...NAN, zeros: 64, nan: 0 };
const lossy = (name: string): LayerResult => result(name, { metrics: { rank_loss: 3 } });

describe('the filter for findings', () => {
  const blocks = Array.from({ length: 6 }, (_, block) => `model.layers.${block}`);
  const roles = ['self_attn.q_proj', 'self_attn.k_proj', 'mlp.up_proj', 'mlp.down_proj'];
  const names = [
    'model.embed.weight',
    ...blocks.flatMap((block) => roles.map((role) => `${block}.${role}.weight`)),
    'head.weight',
    'head2.weight',
  ];
  const tensors = names.map(tensor);

  /** q and k of two blocks lose ranks, up of others too; some are zero, some NaN, some of those in no block. */
  const results = new Map(
    names.map((name): [string, LayerResult] => {
      if (/layers\.[12]\.self_attn/.test(name) || /layers\.[34]\.mlp\.up/.test(name)) return [name, lossy(name)];
      if (/layers\.[05]\.mlp\.down/.test(name)) return [name, result(name, { statistics: ZERO, matrices: 1 })];
      if (/layers\.[15]\.self_attn\.q/.test(name) || name.startsWith('head')) {
        return [name, { ...lossy(name), statistics: NAN }];
      }
      return [name, result(name)];
    }),
  );
  const inspection = { summary: { tensors }, results, version: 1 };
  const findings = new FilterFindings(inspection);
  const filter = new RowFilter(moduleTree(tensors), findings.fields);
  const shown = (typed: string): string[] => filter.rows(typed, null).rows.map(({ node }) => node.name);

  it('names each group by a term that can be typed', () => {
    const groups = groupFindings(unusualLayers(results.values()), mapGrid(tensors).map);
    const many = groups.filter(({ layers }) => layers.length > 1);
    assert.ok(many.length >= 4, many.map(({ where }) => where).join('; '));
    for (const { layers, where } of many) {
      const term = findings.termOf(layers);
      assert.match(term, /^finding=\S+ role=\S+$/);
      assert.deepEqual(shown(term).toSorted(), layers.map(({ layer }) => layer).toSorted(), `${where}: ${term}`);
    }
  });

  it('finds all of a kind, and roles', () => {
    assert.equal(shown('finding:broken').length, 3);
    assert.deepEqual(
      shown('role=q_proj').length + shown('role=k_proj,up_proj').length,
      blocks.length + 2 * blocks.length,
    );
    assert.deepEqual(shown('role:outside'), ['model.embed.weight', 'head.weight', 'head2.weight']);
  });

  it('follows results that come later', () => {
    const before = shown('finding:rank-loss').length;
    const late = 'model.layers.0.mlp.up_proj.weight';
    results.set(late, lossy(late));
    inspection.version += 1;
    assert.equal(shown('finding:rank-loss').length, before + 1);
    results.set(late, result(late));
    inspection.version += 1;
  });
});
