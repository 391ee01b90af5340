/** Which lines of a table are in sight, however long it is. */
import assert from 'node:assert/strict';
import { ScrolledAxis } from '../../../../../webview/layer/values/scrolledAxis';

const SHOWN = 400;

describe('an axis of a table that is scrolled', () => {
  it('of a short table moves with the scroll bar', () => {
    const axis = new ScrolledAxis(1000, 20);
    assert.deepEqual([axis.pixels, axis.isScaled], [20_000, false]);
    axis.scrolledTo(130, SHOWN);
    assert.equal(axis.before, 130);
    assert.deepEqual(axis.lines(SHOWN), { first: 6, end: 27 });
    axis.scrolledTo(1e9, SHOWN);
    assert.deepEqual(axis.lines(SHOWN), { first: 980, end: 1000 });
  });

  it('of a very long one reaches every line: the ends by the bar, neighbours by steps', () => {
    const axis = new ScrolledAxis(25_600_000, 22);
    assert.equal(axis.isScaled, true);
    axis.scrolledTo(axis.pixels - SHOWN, SHOWN);
    assert.equal(axis.lines(SHOWN).end, 25_600_000);
    axis.scrolledTo((axis.pixels - SHOWN) / 2, SHOWN);
    assert.ok(Math.abs(axis.lines(SHOWN).first - 12_800_000) < 20);
    for (const line of [12_345_678, 12_345_679, 12_345_700]) {
      axis.reveal(line, SHOWN);
      const { first, end } = axis.lines(SHOWN);
      assert.ok(line >= first && line < end, `${line} is not within ${first} to ${end}`);
      // The bar is put where the table is: that it then tells its place, rounded by the browser, moves nothing.
      const { before } = axis;
      axis.scrolledTo(Math.round(axis.position(SHOWN)), SHOWN);
      assert.equal(axis.before, before);
    }
  });

  it('reveals a line by the least move', () => {
    const axis = new ScrolledAxis(1000, 20);
    assert.equal(axis.reveal(5, SHOWN), false);
    assert.equal(axis.reveal(25, SHOWN), true);
    assert.deepEqual(axis.lines(SHOWN), { first: 6, end: 26 });
    axis.reveal(2, SHOWN);
    assert.equal(axis.before, 40);
  });

  it('of fewer lines than there is room stays where it is', () => {
    const axis = new ScrolledAxis(3, 20);
    axis.scrolledTo(50, SHOWN);
    assert.deepEqual(axis.lines(SHOWN), { first: 0, end: 3 });
  });
});
