import assert from 'node:assert/strict';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { moduleTree } from '../../../../webview/model/moduleTree';
import { RowSelection } from '../../../../webview/table/rowSelection';
import { flatRows, treeRows, withMatrices } from '../../../../webview/table/tableOrder';

function tensor(name: string, shape = [2, 2]): TensorSummary {
  const layers = shape.length > 1 ? [name] : [];
  return { name, group: '', dtype: 'F32', parameters: 4, bytes: 16, shape, layers };
}

describe('rows chosen together', () => {
  const rows = flatRows(moduleTree(['a', 'b', 'c', 'd', 'e'].map((name) => tensor(name))), null);
  const chosen = (selection: RowSelection, of = rows): string =>
    selection
      .in(of)
      .map(({ node }) => node.name)
      .join('');

  it('are a range from the last choice, up or down, and no others', () => {
    const selection = new RowSelection();
    selection.only('=b');
    selection.rangeTo(rows, 0, 3);
    assert.equal(chosen(selection), 'bcd');
    selection.rangeTo(rows, 3, 0);
    assert.equal(chosen(selection), 'ab');
    selection.toggle('=e');
    assert.equal(chosen(selection), 'abe');
    selection.rangeTo(rows, 0, 3);
    assert.equal(chosen(selection), 'de', 'from the row that was added');
  });

  it('begin at the active row where nothing was chosen, or what was is gone', () => {
    const selection = new RowSelection();
    selection.rangeTo(rows, 2, 3);
    assert.equal(chosen(selection), 'cd');
    selection.only('=a');
    selection.rangeTo(rows.slice(2), 0, 1);
    assert.equal(chosen(selection), 'cd');
  });

  it('are only those that the filter leaves', () => {
    const selection = new RowSelection();
    selection.all(rows);
    assert.equal(chosen(selection), 'abcde');
    assert.equal(chosen(selection, rows.slice(1, 3)), 'bc');
    selection.toggle('=c');
    assert.equal(chosen(selection), 'abde');
    selection.clear();
    assert.equal(chosen(selection), '');
  });
});

describe('rows where only matrices are shown', () => {
  const tree = moduleTree([
    ...['h.0.attn.weight', 'h.0.mlp.weight', 'h.1.attn.weight', 'h.1.mlp.weight'].map((name) => tensor(name)),
    ...['h.0.attn.bias', 'norm.a.weight', 'norm.a.bias'].map((name) => tensor(name, [4])),
  ]);
  const shown = withMatrices(tree);

  it('leave out tensors without one, and modules of such tensors', () => {
    const labels = treeRows(tree, new Set(), null, shown).map(({ node }) => node.name);
    assert.ok(!labels.some((name) => name.includes('bias') || name.includes('norm')), labels.join());
    assert.equal(labels.filter((name) => name.endsWith('weight')).length, 4);
  });

  it('are the same in a list', () => {
    assert.equal(flatRows(tree, null, shown).length, 4);
    assert.equal(flatRows(tree, null).length, 7);
  });
});
