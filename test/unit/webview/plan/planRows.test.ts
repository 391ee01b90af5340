/** The columns of a plan's table: how wide they are. */
import assert from 'node:assert/strict';
import { columnWidths, errorText, planColumns, type LayerRow } from '../../../../webview/plan/planRows';

describe('columns of a plan', () => {
  const row = (errorBetween?: readonly [number, number]): LayerRow =>
    ({ error: 0.5, errorIs: 'estimate', ...(errorBetween && { errorBetween }) }) as unknown as LayerRow;
  const errorWidth = (...rows: LayerRow[]): number =>
    columnWidths(rows)[planColumns.findIndex(({ key }) => key === 'error') - 1]!;

  it('give an error the room of an interval only if a row has one', () => {
    const [alone, interval] = [row(), row([0.25, 0.75])];
    assert.equal(errorText(alone), '≈ 50%');
    assert.equal(errorText(interval), '≈ 50% (25% – 75%)');
    assert.ok(errorWidth(alone) < 100);
    assert.equal(errorWidth(), errorWidth(alone));
    assert.ok(errorWidth(alone, interval) > 2 * errorWidth(alone));
    const others = (widths: number[]): number[] => widths.filter((_, i) => planColumns[i + 1]!.key !== 'error');
    assert.deepEqual(others(columnWidths([alone])), others(columnWidths([interval])));
    assert.equal(columnWidths([alone]).length, planColumns.length - 1);
  });

  it('begin with what a row is edited by: an open row leaves room for few', () => {
    assert.deepEqual(
      planColumns.slice(0, 4).map(({ key }) => key),
      ['layer', 'method', 'rank', 'kept'],
    );
  });

  it('count what a tied copy takes once, in the row of the layer that it is a copy of', () => {
    const tied = (uncounted: boolean): LayerRow => {
      const both = { before: 262_144, after: 262_144 };
      const plan = { keep: 'dense', why: 'holds the same numbers as embed' };
      return { plan, layer: { uncounted }, bytes: both, multiplyAdds: both } as unknown as LayerRow;
    };
    for (const key of ['bytes', 'multiply-adds']) {
      const column = planColumns.find((each) => each.key === key)!;
      assert.match(column.text(tied(false)), /^262/);
      assert.equal(column.text(tied(true)), '–');
      assert.equal(column.title!(tied(true)), 'holds the same numbers as embed');
    }
  });
});
