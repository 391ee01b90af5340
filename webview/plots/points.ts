/** Many small marks: as one SVG path while they are few, on the canvas behind the axes when they are not. */
import { themeColour } from '../controls/theme';
import { plotContext } from './plotCanvas';
import type { PlotFrame } from './plotFrame';

/** Above this many marks SVG becomes slow to lay out and to drag over. */
const MOST_SVG_MARKS = 5000;

/** Side of a mark in pixels. */
const MARK_SIZE = 2.5;

/**
 * Draws points at (xs[i], ys[i]), in plot coordinates.
 *
 * @param colour one of the style sheet's colour variables
 */
export function drawPoints(frame: PlotFrame, xs: Float64Array, ys: Float64Array, colour: `--${string}`): void {
  const layer = frame.layer('points');
  const { canvas } = frame;
  canvas.hidden = xs.length <= MOST_SVG_MARKS;
  if (canvas.hidden) {
    const parts: string[] = [];
    for (let i = 0; i < xs.length; i++) parts.push(`M${xs[i]!.toFixed(1)},${ys[i]!.toFixed(1)}h0`);
    layer.append('path').attr('class', 'points').attr('d', parts.join(''));
    return;
  }
  const context = plotContext(frame);
  if (!context) return;
  context.fillStyle = themeColour(colour);
  const half = MARK_SIZE / 2;
  for (let i = 0; i < xs.length; i++) context.fillRect(xs[i]! - half, ys[i]! - half, MARK_SIZE, MARK_SIZE);
}
