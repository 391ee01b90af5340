/** The canvas behind a plot's axes, as large as the plot and as fine as the screen. */
import type { PlotFrame } from './plotFrame';

/** Empties the canvas and shows it. @returns a context in plot coordinates; null where the browser has none */
export function plotContext(frame: PlotFrame): CanvasRenderingContext2D | null {
  const { canvas, margin, width, height } = frame;
  const ratio = window.devicePixelRatio;
  canvas.hidden = false;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.style.left = `${margin.left}px`;
  canvas.style.top = `${margin.top}px`;
  const context = canvas.getContext('2d');
  context?.scale(ratio, ratio);
  return context;
}
