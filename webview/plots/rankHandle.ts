/** The line of a chosen rank, which the pointer drags. Keys move the slider below the plot. */
import { pointer } from 'd3-selection';
import type { Layer, PlotFrame } from './plotFrame';

/** Half the width of the invisible area that can be grabbed. */
const REACH = 7;

export class RankHandle {
  private readonly group: Layer;

  /** @param onDrag called with the x coordinate in the plot */
  constructor(
    private readonly frame: PlotFrame,
    onDrag: (x: number) => void,
  ) {
    const layer = frame.layer('handle', false);
    this.group = layer.append('g').attr('class', 'rank-handle');
    this.group
      .append('rect')
      .attr('class', 'reach')
      .attr('x', -REACH)
      .attr('width', 2 * REACH);
    this.group.append('line').attr('class', 'rank-line');
    const node = this.group.node()!;
    node.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      node.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    node.addEventListener('pointermove', (event) => {
      if (!node.hasPointerCapture(event.pointerId)) return;
      onDrag(Math.min(frame.width, Math.max(0, pointer(event, layer.node())[0])));
    });
    // The end of a drag is no click on the plot behind.
    node.addEventListener('click', (event) => event.stopPropagation());
  }

  /** @param x in the plot; it is hidden if that is out of sight */
  place(x: number): void {
    const { width, height } = this.frame;
    this.group.attr('visibility', x >= -0.5 && x <= width + 0.5 ? 'visible' : 'hidden');
    this.group.attr('transform', `translate(${x},0)`);
    this.group.select('.reach').attr('height', height);
    this.group.select('line').attr('y2', height);
  }
}
