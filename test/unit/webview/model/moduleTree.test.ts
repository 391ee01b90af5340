/** Names to a tree of modules, and the tree to rows: folded, sorted, filtered. */
import assert from 'node:assert/strict';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { moduleTree, type TreeNode } from '../../../../webview/model/moduleTree';
import { flatRows, treeRows, type ShownRow } from '../../../../webview/table/tableOrder';

function tensor(name: string, parameters = 4, group = '', layers = [name]): TensorSummary {
  return { name, group, shape: [parameters], dtype: 'F32', parameters, bytes: 4 * parameters, layers };
}

const outline = (rows: readonly ShownRow[]): string[] => rows.map(({ node, depth }) => '  '.repeat(depth) + node.label);

const open = new Set<string>();
const byParameters = (descending: boolean) => ({ value: (node: TreeNode) => node.parameters, descending });

describe('the tree of modules', () => {
  it('splits names at dots and slashes and folds single children', () => {
    const tree = moduleTree(['a.b.c.weight', 'a.b.d.weight', 'x/y:0', 'top'].map((name) => tensor(name)));
    assert.deepEqual(outline(treeRows(tree, open, null)), ['a.b', '  c.weight', '  d.weight', 'x/y:0', 'top']);
  });

  it('orders numbered blocks by number', () => {
    const names = [10, 9, 0, 100].flatMap((block) => [`h.${block}.k`, `h.${block}.q`]);
    const rows = treeRows(
      moduleTree(names.map((name) => tensor(name))),
      new Set(['h.0', 'h.9', 'h.10', 'h.100']),
      null,
    );
    assert.deepEqual(outline(rows), ['h', '  0', '  9', '  10', '  100']);
  });

  it('puts wrapper groups on top and does not repeat their key', () => {
    const tree = moduleTree([
      tensor('model.w', 4, 'model'),
      tensor('w', 4, 'ema'),
      tensor('exp_avg.w', 4, 'optimizer.state'),
    ]);
    const expected = ['model', '  w', 'ema', '  w', 'optimizer.state', '  exp_avg.w'];
    assert.deepEqual(outline(treeRows(tree, open, null)), expected);
  });

  it('keeps a tensor apart from a module of the same name', () => {
    const tree = moduleTree(['a', 'a.b', 'a.c'].map((name) => tensor(name)));
    const keys = treeRows(tree, open, null).map(({ node }) => node.key);
    assert.equal(new Set(keys).size, keys.length);
    assert.deepEqual(outline(treeRows(tree, new Set(['a']), null)), ['a', 'a']);
  });

  it('shows every layer of a stack below its tensor and shares out its size', () => {
    const tree = moduleTree([tensor('w1', 12, '', ['w1[0]', 'w1[1]', 'w1[2]']), tensor('b')]);
    assert.deepEqual(outline(treeRows(tree, open, null)), ['w1', '  [0]', '  [1]', '  [2]', 'b']);
    assert.deepEqual(
      flatRows(tree, null).map(({ node }) => node.name),
      ['w1[0]', 'w1[1]', 'w1[2]', 'b'],
    );
    assert.equal(tree.leaves[1]!.parameters, 4);
  });

  it('counts tied weights once', () => {
    const tied = { ...tensor('m.head.weight', 6), sharedWith: 'm.embed.weight' };
    const [module, embed, head] = treeRows(moduleTree([tensor('m.embed.weight', 6), tied]), open, null);
    assert.deepEqual([module!.node.parameters, module!.node.bytes, module!.node.tensors], [6, 24, 2]);
    assert.deepEqual([embed!.node.parameters, head!.node.parameters], [6, 6]);
  });

  it('sums parameters, bytes and tensors of modules', () => {
    const tree = moduleTree([tensor('m.a', 3), tensor('m.n.b', 5), tensor('m.n.c', 7)]);
    const [m] = tree.root.children;
    assert.deepEqual([m!.parameters, m!.bytes, m!.tensors], [15, 60, 3]);
  });
});

describe('the order of rows', () => {
  const tree = moduleTree([tensor('m.a', 3), tensor('m.b', 9), tensor('n.c', 5), tensor('n.d', 1)]);

  it('sorts siblings within their module', () => {
    const rows = treeRows(tree, open, byParameters(true));
    assert.deepEqual(outline(rows), ['m', '  b', '  a', 'n', '  c', '  d']);
  });

  it('sorts a flat list over all modules', () => {
    assert.deepEqual(
      flatRows(tree, byParameters(false)).map(({ node }) => node.name),
      ['n.d', 'm.a', 'n.c', 'm.b'],
    );
  });

  it('puts unknown values last in both directions and keeps file order among equals', () => {
    const known: Record<string, number | null> = { 'm.a': 1, 'm.b': null, 'n.c': 1, 'n.d': 2 };
    const value = (node: TreeNode): number | null => known[node.name] ?? null;
    const names = (descending: boolean): string[] => flatRows(tree, { value, descending }).map(({ node }) => node.name);
    assert.deepEqual(names(false), ['m.a', 'n.c', 'n.d', 'm.b']);
    assert.deepEqual(names(true), ['n.d', 'm.a', 'n.c', 'm.b']);
  });

  it('sorts numbers in names by value', () => {
    const blocks = moduleTree(['h.10.w', 'h.2.w', 'h.1.w'].map((name) => tensor(name)));
    const rows = flatRows(blocks, { value: (node) => node.name, descending: false });
    assert.deepEqual(
      rows.map(({ node }) => node.name),
      ['h.1.w', 'h.2.w', 'h.10.w'],
    );
  });
});
