import assert from 'node:assert/strict';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { moduleTree } from '../../../../webview/model/moduleTree';
import { findInRows, foundMarks } from '../../../../webview/table/findInRows';
import { flatRows, treeRows, type ShownRow } from '../../../../webview/table/tableOrder';

function tensor(name: string): TensorSummary {
  return { name, group: '', dtype: 'F32', parameters: 4, bytes: 16, shape: [2, 2], layers: [name] };
}

describe('finding names in rows', () => {
  const tensors = [0, 3, 30].flatMap((block) =>
    ['attn.q', 'attn.k', 'mlp.up'].map((part) => tensor(`model.layers.${block}.${part}.weight`)),
  );
  const tree = moduleTree([...tensors, tensor('head.weight')]);
  const inTree = treeRows(tree, new Set(), null);
  const inList = flatRows(tree, null);
  const names = (rows: readonly ShownRow[], wanted: string): string[] =>
    findInRows(rows, wanted).map(({ name }) => name);
  const marked = (rows: readonly ShownRow[], name: string, wanted: string): string => {
    const row = rows.find(({ node }) => node.name === name)!;
    const text = rows === inList ? row.node.name : row.node.label;
    return [...foundMarks(row, wanted)].map((at) => text[at]).join('');
  };

  it('counts a place once in the tree: at the row in which it ends', () => {
    assert.deepEqual(names(inTree, 'layers.3'), ['model.layers.3', 'model.layers.30']);
    assert.deepEqual(
      names(inTree, 'attn'),
      [0, 3, 30].map((block) => `model.layers.${block}.attn`),
    );
    assert.deepEqual(names(inTree, '3.attn.q'), ['model.layers.3.attn.q.weight']);
  });

  it('finds every name that holds the text in a list, whose rows show whole names', () => {
    assert.equal(names(inList, 'layers.3').length, 6);
    assert.equal(names(inList, 'layers.3.').length, 3);
  });

  it('takes the text as it stands, in any case, and finds nothing for nothing', () => {
    assert.deepEqual(names(inList, '*'), []);
    assert.deepEqual(names(inTree, ''), []);
    const loud = moduleTree([tensor('Conv.Weight')]);
    assert.deepEqual(names(flatRows(loud, null), 'conv.w'), ['Conv.Weight']);
  });

  it('marks what the row shows of each place', () => {
    assert.equal(marked(inTree, 'model.layers.3', 'layers.3'), '3');
    assert.equal(marked(inTree, 'model.layers.3.attn.q.weight', 'attn.q'), 'q');
    assert.equal(marked(inList, 'model.layers.3.attn.q.weight', 'attn.q'), 'attn.q');
    assert.equal(marked(inTree, 'head.weight', 'e'), 'ee');
    assert.equal(marked(inTree, 'model.layers.3.mlp.up.weight', 'layers'), '');
  });

  it('marks nothing where a small letter is longer than its capital', () => {
    const rows = flatRows(moduleTree([tensor('İx')]), null);
    assert.equal(findInRows(rows, 'x').length, 1);
    assert.equal(foundMarks(rows[0]!, 'x').size, 0);
  });
});
