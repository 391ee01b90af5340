import assert from 'node:assert/strict';
import { AXIS_MARGIN, tailPart, windowBetween, wholeSpectrum } from '../../../../webview/plots/spectrumWindow';

/** 0, then 10^0, 10^0.1 … 10^6. */
const ascending = Float64Array.from([0, ...Array.from({ length: 61 }, (_, i) => 10 ** (i / 10))]);

describe('part of a spectrum that is drawn', () => {
  it('is all of it but the zeros', () => {
    const { first, histogram } = wholeSpectrum(ascending);
    assert.equal(first, 1);
    assert.ok(Math.abs(histogram.edges[0]! - 1) < 1e-12 && Math.abs(histogram.edges.at(-1)! - 1e6) < 1e-3);
  });

  it('is the tail with half as many decades before it', () => {
    const start = 41; // 10^4, so that the tail has two decades
    const part = tailPart(ascending, start);
    const { first, end, histogram } = windowBetween(ascending, part);
    assert.ok(Math.abs(ascending[first]! - 1e3) < 1, `it begins at ${ascending[first]!}`);
    assert.equal(end, ascending.length);
    assert.ok(Math.abs(part[1] / (AXIS_MARGIN * 1e6) - 1) < 1e-12);
    const counted = histogram.counts.reduce((sum, count) => sum + count, 0);
    assert.equal(counted, ascending.length - first);
  });

  it('keeps the density of the whole spectrum', () => {
    const { first, histogram } = windowBetween(ascending, tailPart(ascending, 41));
    const { edges, density } = histogram;
    const share = density.reduce((sum, value, i) => sum + value * (edges[i + 1]! - edges[i]!), 0);
    assert.ok(Math.abs(share - (ascending.length - first) / ascending.length) < 1e-12);
  });

  it('holds what lies between two values, ends included, and may be empty', () => {
    const { first, end, histogram } = windowBetween(ascending, [ascending[11]!, ascending[21]!]);
    assert.deepEqual([first, end], [11, 22]);
    assert.equal(
      histogram.counts.reduce((sum, count) => sum + count, 0),
      11,
    );
    const between = windowBetween(ascending, [1.01, 1.02]);
    assert.equal(between.first, between.end);
    assert.equal(between.histogram.edges.length, 0);
  });

  it('shows something before a tail of a single value', () => {
    const { first } = windowBetween(ascending, tailPart(ascending, ascending.length - 1));
    assert.ok(first < ascending.length - 1);
  });
});
