import assert from 'node:assert/strict';
import { scaleLinear, scaleLog } from 'd3-scale';
import { rankWindow } from '../../../../../webview/plots/zoom/rankWindow';
import { partBetween, partWithin } from '../../../../../webview/plots/zoom/zoomedAxis';
import type { Span } from '../../../../../webview/plots/zoom/zoomView';

function near(found: Span | undefined, expected: Span): void {
  assert.ok(found, 'a part');
  for (const i of [0, 1] as const) {
    assert.ok(
      Math.abs(found[i] - expected[i]) <= 1e-9 * Math.max(1, Math.abs(expected[i])),
      `${found.join()} for ${expected.join()}`,
    );
  }
}

describe('the part of an axis between two places', () => {
  const linear = scaleLinear().domain([10, 30]).range([0, 200]);
  const log = scaleLog().domain([1, 1e6]).range([0, 600]);

  it('is what a linear or a logarithmic axis has there', () => {
    near(partBetween(linear, [10, 30], 50, 100), [15, 20]);
    near(partBetween(log, [1, 1e6], 100, 300), [10, 1000]);
  });

  it('has the lower number first where the axis goes up', () => {
    const up = scaleLinear().domain([0, 1]).range([100, 0]);
    near(partBetween(up, [0, 1], 10, 30), [0.7, 0.9]);
  });

  it('is moved back to where the axis is, with its width', () => {
    near(partBetween(linear, [10, 30], -40, 60), [10, 20]);
    near(partBetween(log, [1, 1e6], 500, 700), [1e4, 1e6]);
  });

  it('is found from a part that is shown: two steps of zooming by two are one by four', () => {
    const first = partBetween(log, [1, 1e6], 150, 450)!;
    const zoomed = scaleLog().domain(first).range([0, 600]);
    near(partBetween(zoomed, [1, 1e6], 150, 450), partBetween(log, [1, 1e6], 225, 375)!);
    // And out again.
    assert.equal(partBetween(zoomed, [1, 1e6], -300, 900), undefined);
  });

  it('is all of the axis from its width on', () => {
    assert.equal(partBetween(linear, [10, 30], 0, 200), undefined);
    assert.equal(partBetween(linear, [10, 30], -1000, 90), undefined);
  });

  it('is no smaller than what can be drawn', () => {
    near(partBetween(linear, [10, 30], 100, 101, 4), [18.05, 22.05]);
    const [low, high] = partBetween(linear, [10, 30], 100, 100)!;
    assert.ok(high > low && low <= 20 && high >= 20);
  });
});

describe('the part of an axis that is kept', () => {
  it('ends with the axis, and is none if it is all of it or beside it', () => {
    assert.deepEqual(partWithin([5, 20], [10, 30]), [10, 20]);
    assert.equal(partWithin([5, 40], [10, 30]), undefined);
    assert.equal(partWithin([31, 40], [10, 30]), undefined);
    assert.equal(partWithin(undefined, [10, 30]), undefined);
  });
});

describe('the ranks in sight', () => {
  it('are those of the axis, with a neighbour on each side', () => {
    assert.deepEqual(rankWindow([1, 100], 100), { first: 0, end: 100 });
    // Ranks 5 to 9 are indexes 4 to 8.
    assert.deepEqual(rankWindow([4.5, 9.5], 100), { first: 3, end: 10 });
    assert.deepEqual(rankWindow([98.5, 100], 100), { first: 97, end: 100 });
    assert.deepEqual(rankWindow([50, 60], 20), { first: 20, end: 20 });
  });
});
