/** The bar that says what a heat scale's colours stand for, in the top right corner of a plot. */
import { cssColour, type HeatScale } from './heatScale';
import type { PlotFrame } from '../plotFrame';

/** Pieces of the bar. */
const STEPS = 41;
const BAR = { width: 132, height: 8, top: -22 };

/** Room for the number at each end. */
const LABEL_WIDTH = 44;

/**
 * @param layer of the frame, emptied by the caller
 * @param format writes the number of a scale's value: scales of a number about a centre begin there
 */
export function drawHeatLegend(
  frame: PlotFrame,
  layer: ReturnType<PlotFrame['layer']>,
  scale: HeatScale,
  format: (value: number) => string,
): void {
  const { limit, clipped, signed } = scale;
  const left = frame.width - BAR.width - LABEL_WIDTH;
  const low = signed ? -limit : 0;
  for (let i = 0; i < STEPS; i++) {
    layer
      .append('rect')
      .attr('x', left + (i * BAR.width) / STEPS)
      .attr('y', BAR.top)
      .attr('width', BAR.width / STEPS + 0.5)
      .attr('height', BAR.height)
      .attr('fill', cssColour(scale.colour(low + ((limit - low) * i) / (STEPS - 1))));
  }
  const label = (x: number, anchor: string, text: string): void => {
    layer
      .append('text')
      .attr('class', 'mark-label')
      .attr('x', x)
      .attr('y', BAR.top + BAR.height)
      .attr('text-anchor', anchor)
      .text(text);
  };
  label(left - 6, 'end', `${signed && clipped ? '≤ ' : ''}${format(low)}`);
  label(left + BAR.width + 6, 'start', `${clipped ? '≥ ' : ''}${format(limit)}`);
}
