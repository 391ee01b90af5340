/** A small picture of a ranked singular-value curve for the hover: SVG in a data URI, the only kind hovers show. */
import { largestOf, smallestOf } from '../../shared/extremes';

const WIDTH = 220;
const HEIGHT = 60;
const MARGIN = 4;

/** Hovers cannot read theme variables: one colour each for light and dark backgrounds, of contrast above 4.5. */
const COLOURS = { light: '#0b61a4', dark: '#75beff' };

/**
 * @param curve log10 σ in ranked order, largest first
 * @param alternative what the picture shows, for screen readers
 * @param kept share of the ranks, from 0 to 1, that is shaded as what a rank suggestion keeps
 * @returns Markdown image; empty for fewer than two points
 */
export function spectrumPicture(
  curve: readonly number[],
  theme: keyof typeof COLOURS,
  alternative: string,
  kept = 0,
): string {
  if (curve.length < 2) return '';
  const high = largestOf(curve);
  const low = smallestOf(curve);
  const span = high - low || 1;
  const points = curve.map((value, index) => {
    const x = MARGIN + ((WIDTH - 2 * MARGIN) * index) / (curve.length - 1);
    const y = MARGIN + ((HEIGHT - 2 * MARGIN) * (high - value)) / span;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  const floor = HEIGHT - MARGIN;
  const area = [`${MARGIN},${floor}`, ...points, `${WIDTH - MARGIN},${floor}`];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">` +
    `<polyline fill="none" stroke="${COLOURS[theme]}" stroke-width="1.5" points="${points.join(' ')}"/>` +
    `<clipPath id="kept"><rect width="${(MARGIN + (WIDTH - 2 * MARGIN) * kept).toFixed(1)}" height="${HEIGHT}"/></clipPath>` +
    `<polygon clip-path="url(#kept)" fill="${COLOURS[theme]}" fill-opacity="0.25" points="${area.join(' ')}"/></svg>`;
  const uri = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
  return `![${alternative.replace(/[[\]\\]/g, ' ')}](${uri}|width=${WIDTH},height=${HEIGHT})`;
}
