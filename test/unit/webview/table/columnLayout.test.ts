import assert from 'node:assert/strict';
import { isUsual, parseColumnLayout, USUAL_LAYOUT, type ColumnLayout } from '../../../../extension/shared/columnLayout';
import { TableMemory, type ColumnReader } from '../../../../extension/host/editor/tableMemory';
import { parseTableShares, USUAL_SHARES } from '../../../../extension/shared/tableShares';
import {
  boundedWidth,
  chosenColumns,
  fittingColumns,
  inOrder,
  movedColumn,
  USUAL_COLUMNS,
} from '../../../../webview/table/columnLayout';

const columns = (...keys: string[]) => keys.map((key) => ({ key, width: 50 }));
const keys = (list: readonly { key: string }[]): string[] => list.map(({ key }) => key);

describe('the arrangement of columns', () => {
  it('keeps those that matter most in a narrow table, in the order of the table', () => {
    const all = columns('shape', 'dtype', 'alpha', 'D', 'farms_alpha');
    assert.deepEqual(keys(fittingColumns(all, 1000, undefined)), keys(all));
    assert.deepEqual(keys(fittingColumns(all, 199, undefined)), ['shape', 'alpha', 'farms_alpha']);
    assert.deepEqual(keys(fittingColumns(all, 149, undefined)), ['alpha', 'farms_alpha']);
  });

  it('gives the sorted column and those that were added the first claim, and always shows one', () => {
    const all = columns('alpha', 'farms_alpha', 'dtype', 'xmin');
    assert.deepEqual(keys(fittingColumns(all, 100, undefined)), ['alpha', 'xmin']);
    assert.deepEqual(keys(fittingColumns(all, 100, 'dtype')), ['dtype', 'xmin']);
    assert.deepEqual(keys(fittingColumns(all, 0, 'dtype')), ['dtype']);
    assert.deepEqual(keys(fittingColumns([], 0, undefined)), []);
  });

  it('stops at the first that has no room: nothing less important is shown in its place', () => {
    const wide = { key: 'farms_alpha', width: 400 };
    assert.deepEqual(keys(fittingColumns([...columns('alpha', 'shape'), wide], 200, undefined)), ['alpha']);
  });

  it('puts columns in the order given, and new ones behind their neighbours', () => {
    const all = columns('a', 'b', 'c', 'd');
    assert.deepEqual(keys(inOrder(all, [])), ['a', 'b', 'c', 'd']);
    assert.deepEqual(keys(inOrder(all, ['c', 'gone', 'a'])), ['c', 'd', 'a', 'b']);
    assert.deepEqual(keys(inOrder(columns('new', 'a'), ['a'])), ['new', 'a']);
  });

  it('moves a column before or behind another', () => {
    const all = columns('a', 'b', 'c');
    assert.deepEqual(movedColumn(all, 'a', 'c', 'behind'), ['b', 'c', 'a']);
    assert.deepEqual(movedColumn(all, 'c', 'a', 'before'), ['c', 'a', 'b']);
    assert.deepEqual(movedColumn(all, 'a', 'gone', 'before'), ['a', 'b', 'c']);
    assert.deepEqual(movedColumn(all, 'a', 'a', 'before'), ['a', 'b', 'c']);
  });

  it('bounds widths, and takes the usual columns where none were chosen', () => {
    assert.deepEqual([boundedWidth(-5), boundedWidth(77.6), boundedWidth(1e9)], [40, 78, 1200]);
    assert.deepEqual([...chosenColumns(USUAL_LAYOUT)], USUAL_COLUMNS);
    assert.deepEqual([...chosenColumns({ ...USUAL_LAYOUT, chosen: [] })], []);
  });

  it('is read as far as it can be used', () => {
    for (const broken of [undefined, null, 7, 'x', [], {}, { widths: 3, order: 'a', chosen: {} }]) {
      assert.deepEqual(parseColumnLayout(broken), USUAL_LAYOUT);
    }
    const kept = {
      chosen: ['alpha', 4],
      fit: false,
      order: ['D', null],
      widths: { alpha: 90, D: -1, x: 'wide', y: NaN },
    };
    const read = { chosen: ['alpha'], fit: false, order: ['D'], widths: { alpha: 90 } };
    assert.deepEqual(parseColumnLayout(kept), read);
    assert.ok(isUsual(USUAL_LAYOUT) && !isUsual(parseColumnLayout(kept)));
  });

  it('is kept for the workspace, but what is usual is not', async () => {
    const store = new Map<string, unknown>();
    const memory = new TableMemory({
      get: (key) => store.get(key),
      update: (key, value) => {
        if (value === undefined) store.delete(key);
        else store.set(key, value);
        return Promise.resolve();
      },
    });
    assert.deepEqual(memory.read(), USUAL_LAYOUT);
    const layout = { ...USUAL_LAYOUT, chosen: ['D'], widths: { D: 60 } };
    await memory.write(layout);
    assert.deepEqual(memory.read(), layout);
    await memory.write(USUAL_LAYOUT);
    assert.equal(store.size, 0);
  });

  it('is told to all other views that are open', async () => {
    const memory = new TableMemory({ get: () => undefined, update: () => Promise.resolve() });
    const told: [string, ColumnLayout][] = [];
    const view = (name: string): ColumnReader => ({ columnsChanged: (layout) => told.push([name, layout]) });
    const [first, second, closed] = [view('first'), view('second'), view('closed')];
    for (const each of [first, second]) memory.tell(each);
    memory.tell(closed).dispose();
    const layout = { ...USUAL_LAYOUT, order: ['D'] };
    await memory.write({ ...layout, widths: { D: NaN } }, first);
    assert.deepEqual(told, [['second', layout]]);
    // What is not kept, because it is usual, is a change all the same.
    await memory.write(USUAL_LAYOUT, second);
    assert.deepEqual(told.slice(1), [['first', USUAL_LAYOUT]]);
  });

  it('has its share of the room beside it, and what is no share is the usual one', async () => {
    const store = new Map<string, unknown>();
    const memory = new TableMemory({
      get: (key) => store.get(key),
      update: (key, value) => {
        store.set(key, value);
        return Promise.resolve();
      },
    });
    assert.deepEqual(memory.shares, USUAL_SHARES);
    await memory.keepShares({ split: 0.6, stackedSplit: 0.5 });
    assert.deepEqual(memory.shares, { split: 0.6, stackedSplit: 0.5 });
    assert.deepEqual(memory.read(), USUAL_LAYOUT, 'the columns are another matter');
    for (const split of [0, 1, NaN, '0.5', null]) {
      assert.deepEqual(parseTableShares({ split, stackedSplit: 0.5 }), { ...USUAL_SHARES, stackedSplit: 0.5 });
    }
    for (const kept of [undefined, null, 3]) assert.deepEqual(parseTableShares(kept), USUAL_SHARES);
  });
});
