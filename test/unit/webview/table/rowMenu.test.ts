/** What a row's menu offers, and what it does; and the numbers that it copies. */
import assert from 'node:assert/strict';
import type { TensorSummary } from '../../../../extension/shared/tensors';
import { moduleTree, type TreeNode } from '../../../../webview/model/moduleTree';
import { copiedNumbers, type CopiedColumn } from '../../../../webview/table/copiedNumbers';
import { rowMenu, type PlannedRows } from '../../../../webview/table/rowMenu';
import { treeRows } from '../../../../webview/table/tableOrder';

function tensor(name: string, shape = [8, 4]): TensorSummary {
  const layers = shape.length > 1 ? [name] : [];
  return { name, group: '', dtype: 'F32', parameters: 32, bytes: 128, shape, layers };
}

describe('the menu of rows', () => {
  const tree = moduleTree([
    ...[0, 1].flatMap((block) => [
      tensor(`h.${block}.q.weight`),
      tensor(`h.${block}.k.weight`),
      tensor(`h.${block}.bias`, [8]),
    ]),
    tensor('head.weight'),
  ]);
  const nodes = new Map(treeRows(tree, new Set(), null).map(({ node }) => [node.name, node]));

  function menu(names: readonly string[], known: readonly string[] = [], busy = false) {
    const done: unknown[] = [];
    const inspection = { isMissing: (name: string) => !known.includes(name), busy };
    const items = rowMenu(
      names.map((name) => nodes.get(name)!),
      inspection,
      {
        open: (layer, how) => done.push({ layer, how }),
        inspect: (asked) => done.push(asked),
        cancel: (asked) => done.push(asked),
        compare: (compared) => done.push(compared.map(({ name }) => name)),
        compressThese: ({ label, layers }: PlannedRows) => done.push({ label, layers }),
        copy: (text) => done.push(text),
        saveNumbers: (asked) => done.push(asked),
        copyNumbers: (leaves) => done.push(leaves.map(({ name }) => name)),
      },
    );
    const run = (label: string): unknown => {
      items.find((item) => item.label === label)!.run();
      return done.at(-1);
    };
    return { labels: items.map(({ label }) => label), run };
  }

  it('of a layer opens, compresses, inspects and copies it', () => {
    const { labels, run } = menu(['h.0.q.weight']);
    assert.deepEqual(labels, ['Open', 'Compress…', 'Inspect', 'Copy Numbers', 'Copy Name']);
    assert.deepEqual(run('Compress…'), { layer: 'h.0.q.weight', how: { compress: true } });
    assert.deepEqual(run('Copy Numbers'), ['h.0.q.weight']);
  });

  it('of a block is about everything in it, and compresses what has a matrix', () => {
    const { labels, run } = menu(['h.0'], ['h.0.q.weight']);
    assert.deepEqual(labels, [
      'Inspect This Block',
      'Compare These',
      'Compress These…',
      'Copy Numbers',
      'Save Numbers as CSV…',
      'Copy Name',
    ]);
    assert.deepEqual(run('Inspect This Block'), ['h.0.k.weight', 'h.0.bias']);
    const layers = ['h.0.q.weight', 'h.0.k.weight'];
    assert.deepEqual(run('Compress These…'), { label: 'h.0', layers });
    assert.deepEqual(run('Compare These'), layers, 'a bias has no spectrum');
    assert.deepEqual(run('Copy Numbers'), [...layers, 'h.0.bias']);
  });

  it('offers nothing that would do nothing', () => {
    const all = ['q.weight', 'k.weight', 'bias'].map((part) => `h.1.${part}`);
    assert.deepEqual(menu(['h.1'], all).labels, [
      'Compare These',
      'Compress These…',
      'Copy Numbers',
      'Save Numbers as CSV…',
      'Copy Name',
    ]);
    assert.deepEqual(menu(['h.1.bias'], all).labels, ['Open', 'Copy Numbers', 'Copy Name']);
    assert.ok(menu(['h.1'], all, true).labels.includes('Cancel'));
    assert.ok(!menu(['h']).labels.includes('Inspect This Block'), 'it is no block');
  });

  it('of several rows counts a layer once that is in two of them', () => {
    const { labels, run } = menu(['h.0', 'h.0.q.weight', 'head.weight']);
    assert.deepEqual(labels, [
      'Inspect These Layers',
      'Compare These',
      'Compress These…',
      'Copy Numbers',
      'Save Numbers as CSV…',
      'Copy Names',
    ]);
    const layers = ['h.0.q.weight', 'h.0.k.weight', 'head.weight'];
    assert.deepEqual(run('Compress These…'), { label: '3 rows of the table', layers });
    assert.deepEqual(run('Save Numbers as CSV…'), [...layers.slice(0, 2), 'h.0.bias', 'head.weight']);
    assert.equal(run('Copy Names'), 'h.0\nh.0.q.weight\nhead.weight');
  });
});

describe('numbers that are copied', () => {
  const column = (key: string, value: (node: TreeNode) => number | string | null, estimated = false): CopiedColumn => ({
    ...{ key, label: key, align: 'end' },
    sort: value,
    cell: () => ({ estimated }),
  });
  const nodes = [tensor('a.weight'), tensor('=SUM(A1)\t.weight')].map((each) => moduleTree([each]).root.children[0]!);

  it('are a line of keys, then one line a row, in full precision', () => {
    const columns = [column('name', () => ''), column('alpha', () => 1 / 3), column('D', () => null)];
    const [keys, first] = copiedNumbers(columns, nodes).split('\n');
    assert.equal(keys, 'name\talpha\tD');
    assert.equal(first, 'a.weight\t0.3333333333333333\t');
  });

  it('hold no formula, and no tab but those between cells', () => {
    const text = copiedNumbers([column('name', () => ''), column('alpha', () => -2)], nodes);
    assert.equal(text.split('\n')[2], "'=SUM(A1)\\t.weight\t-2");
  });

  it('tell estimates from measured ones', () => {
    const text = copiedNumbers([column('name', () => ''), column('alpha', () => 2.5, true)], nodes.slice(0, 1));
    assert.equal(text.split('\n')[1], 'a.weight\t≈ 2.5');
  });
});
