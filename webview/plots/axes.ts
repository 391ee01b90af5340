/** Axes in the theme's colours: sparse ticks, powers of ten on log scales, a caption that names the quantity. */
import { axisBottom, axisLeft } from 'd3-axis';
import { type ScaleContinuousNumeric, type ScaleLogarithmic } from 'd3-scale';
import { formatNumber, formatPowerOfTen } from '../numbers/format';
import type { PlotFrame } from './plotFrame';
import { largestOf, smallestOf } from '../../extension/shared/extremes';

type Continuous = ScaleContinuousNumeric<number, number>;

/** Least pixels between two ticks, so that labels do not touch. */
const TICK_SPACING = { x: 56, y: 28 };

/** Tick length and the distance of its label. */
const TICK_SIZE = 4;

/** Fewer ticks than this say little about a scale. */
const LEAST_TICKS = 3;

/** From this power of ten on, ticks between the powers are written as plain numbers. */
const LEAST_PLAIN_EXPONENT = -2;

/** Steps with more decimals are written with an exponent. */
const MOST_DECIMALS = 4;

export interface AxisText {
  x: string;
  y: string;
  /** Tick labels of a linear y axis. */
  formatY?: (value: number) => string;
  formatX?: (value: number) => string;
  /** x counts something: no ticks between whole numbers. */
  wholeX?: boolean;
  wholeY?: boolean;
}

export function drawAxes(frame: PlotFrame, x: Continuous, y: Continuous, text: AxisText): void {
  const layer = frame.layer('axes');
  const { formatX, wholeX } = text;
  frame.zoom?.caption('x', text.x, wholeX && formatX ? (value) => formatX(Math.round(value)) : formatX);
  frame.zoom?.caption('y', text.y, text.formatY);
  const xTicks = ticks(x, Math.max(2, Math.floor(frame.width / TICK_SPACING.x)), text.formatX);
  if (text.wholeX) xTicks.values = xTicks.values.filter(Number.isInteger);
  const yTicks = ticks(y, Math.max(2, Math.floor(frame.height / TICK_SPACING.y)), text.formatY);
  if (text.wholeY) yTicks.values = yTicks.values.filter(Number.isInteger);
  layer
    .append('g')
    .attr('class', 'grid')
    .selectAll('line')
    .data(yTicks.values)
    .join('line')
    .attr('x2', frame.width)
    .attr('y1', (value) => y(value))
    .attr('y2', (value) => y(value));
  const horizontal = axisBottom<number>(x).tickValues(xTicks.values).tickFormat(xTicks.format).tickSizeOuter(0);
  const vertical = axisLeft<number>(y).tickValues(yTicks.values).tickFormat(yTicks.format).tickSizeOuter(0);
  layer
    .append('g')
    .attr('class', 'axis')
    .attr('transform', `translate(0,${frame.height})`)
    .call(horizontal.tickSizeInner(TICK_SIZE))
    .append('text')
    .attr('class', 'axis-caption')
    .attr('x', frame.width)
    .attr('y', 34)
    .attr('text-anchor', 'end')
    .text(text.x);
  layer
    .append('g')
    .attr('class', 'axis')
    .call(vertical.tickSizeInner(TICK_SIZE))
    .append('text')
    .attr('class', 'axis-caption')
    .attr('x', -frame.margin.left + 4)
    .attr('y', 11 - frame.margin.top)
    .attr('text-anchor', 'start')
    .text(text.y);
}

function ticks(
  scale: Continuous,
  most: number,
  format?: (value: number) => string,
): { values: number[]; format: (value: number) => string } {
  if (!isLog(scale)) {
    const values = scale.ticks(most);
    return { values, format: format ?? evenDecimals(values) };
  }
  const [low, high] = [smallestOf(scale.domain()), largestOf(scale.domain())];
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const decades = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  const fine = [first - 1, ...decades].flatMap((exponent) => [1, 2, 5].map((factor) => factor * 10 ** exponent));
  const within = fine.filter((value) => value >= low && value <= high);
  if (within.length >= LEAST_TICKS && within.length <= most && first >= LEAST_PLAIN_EXPONENT) {
    return { values: within, format: (value) => formatNumber(value, 1) };
  }
  if (decades.length >= 2) {
    const step = Math.ceil(decades.length / most);
    const values = decades.filter((exponent) => exponent % step === 0).map((exponent) => 10 ** exponent);
    return { values, format: (value) => formatPowerOfTen(Math.round(Math.log10(value))) };
  }
  // Less than two decades: round numbers between them, thinned to what fits.
  const values = scale.ticks(Math.min(most, 6));
  const step = Math.ceil(values.length / most);
  return { values: values.filter((_, i) => i % step === 0), format: (value) => formatNumber(value, 2) };
}

/** All ticks with the decimals that their step needs. */
function evenDecimals(values: readonly number[]): (value: number) => string {
  const step = Math.abs((values[1] ?? 1) - (values[0] ?? 0));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (!(decimals <= MOST_DECIMALS)) return (value) => formatNumber(value, 2);
  const fixed = new Intl.NumberFormat(undefined, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return (value) => fixed.format(value);
}

function isLog(scale: Continuous): scale is ScaleLogarithmic<number, number> {
  return 'base' in scale;
}
