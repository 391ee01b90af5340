/**
 * From a cell's value to its colour: blue below zero, orange above, the background at zero; unsigned quantities from
 * the background to the colour of the text. The colours are the style sheet's, told apart in all common colour vision
 * deficiencies and chosen per theme.
 */
import { themeColour } from '../../controls/theme';

/** Share of the cells within the scale's limits: beyond them a few huge cells would leave all others without colour. */
const WITHIN = 0.995;

type Rgb = readonly [number, number, number];

export interface HeatScale {
  /** Values of this magnitude and above have the full colour. */
  limit: number;
  /** Some values are beyond the limit. */
  clipped: boolean;
  signed: boolean;
  /** The colour of a value; NaN has the colour of errors. */
  colour(value: number): Rgb;
}

/** @param span values of this magnitude have the full colour; from the values where absent */
export function heatScale(values: Float64Array, signed: boolean, span?: number): HeatScale {
  const sizes = values.map(Math.abs).filter(Number.isFinite).sort();
  const largest = sizes.at(-1) ?? 0;
  const within = sizes[Math.floor(WITHIN * (sizes.length - 1))] ?? 0;
  const limit = span ?? (within > 0 ? within : largest);
  const middle = rgb('--es-heat-zero');
  const high = rgb(signed ? '--es-heat-positive' : '--es-heat-size');
  const low = rgb('--es-heat-negative');
  const missing = rgb('--es-error');
  return {
    limit,
    clipped: largest > limit,
    signed,
    colour: (value) => {
      if (!Number.isFinite(value)) return missing;
      const share = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
      return mixed(middle, value < 0 ? low : high, share);
    },
  };
}

export function cssColour([red, green, blue]: Rgb): string {
  return `rgb(${Math.round(red)}, ${Math.round(green)}, ${Math.round(blue)})`;
}

function mixed(from: Rgb, to: Rgb, share: number): Rgb {
  const channel = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * share;
  return [channel(0), channel(1), channel(2)];
}

/** Any CSS colour as numbers: painted on one pixel and read back. */
function rgb(variable: `--${string}`): Rgb {
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return [128, 128, 128];
  context.fillStyle = themeColour(variable);
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}
