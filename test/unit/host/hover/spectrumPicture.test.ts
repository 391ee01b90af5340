import assert from 'node:assert/strict';
import { spectrumPicture } from '../../../../extension/host/hover/spectrumPicture';

/** Points of the drawn line. */
function pointsOf(markdown: string): number[][] {
  const encoded = /base64,([^|]+)\|/.exec(markdown)?.[1] ?? '';
  const svg = Buffer.from(encoded, 'base64').toString();
  const points = / points="([^"]*)"/.exec(svg)?.[1] ?? '';
  return points.split(' ').map((point) => point.split(',').map(Number));
}

describe('spectrum picture', () => {
  it('draws the curve from the upper left to the lower right corner of its frame', () => {
    const points = pointsOf(spectrumPicture([2, 1, 0, -2], 'dark', 'falling'));
    assert.deepEqual(points[0], [4, 4]);
    assert.deepEqual(points.at(-1), [216, 56]);
    assert.deepEqual(points[2]?.[1], 30, 'a value in the middle of the range stands in the middle');
  });

  it('draws a flat spectrum without dividing by zero', () => {
    assert.ok(
      pointsOf(spectrumPicture([1, 1, 1], 'light', 'flat'))
        .flat()
        .every(Number.isFinite),
    );
  });

  it('shades the share of the ranks that is kept', () => {
    const encoded = /base64,([^|]+)\|/.exec(spectrumPicture([2, 1, 0], 'dark', 'falling', 0.25))?.[1] ?? '';
    const svg = Buffer.from(encoded, 'base64').toString();
    assert.match(svg, /<clipPath id="kept"><rect width="57\.0" /, 'a quarter of 212 beyond the margin of 4');
  });

  it('keeps the alternative text inside its brackets', () => {
    assert.match(spectrumPicture([1, 0], 'light', 'a ](b) [c'), /^!\[a {2}\(b\) {2}c\]\(data:/);
  });

  it('is left out where there is nothing to draw', () => {
    assert.equal(spectrumPicture([1], 'dark', 'one value'), '');
  });
});
