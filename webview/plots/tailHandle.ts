/** The marker of xmin: a vertical line with a grip that is dragged with the pointer or moved with the arrow keys. */
import { pointer, type Selection } from 'd3-selection';
import type { PlotFrame } from './plotFrame';

export interface TailHandleOptions {
  /** What it moves, for those who listen. */
  label: string;
  /** Called with the x coordinate in the plot while dragging. */
  onDrag(x: number): void;
  /** Called with steps to go: ±1 for arrow keys, ±`PAGE` for page keys, ±∞ for Home and End. */
  onStep(steps: number): void;
}

/** Steps that PageUp and PageDown take. */
const PAGE = 10;

/** Half the width of the invisible area that can be grabbed. */
const REACH = 9;

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -PAGE,
  PageUp: PAGE,
  Home: -Infinity,
  End: Infinity,
};

export class TailHandle {
  private readonly group: Selection<SVGGElement, unknown, null, undefined>;

  constructor(
    private readonly frame: PlotFrame,
    options: TailHandleOptions,
  ) {
    const layer = frame.layer('handle', false);
    this.group = layer.append('g').attr('class', 'tail-handle').attr('role', 'slider').attr('tabindex', 0);
    this.group.attr('aria-label', options.label).attr('aria-orientation', 'horizontal');
    this.group
      .append('rect')
      .attr('class', 'reach')
      .attr('x', -REACH)
      .attr('y', -16)
      .attr('width', 2 * REACH);
    this.group.append('line').attr('y1', 0);
    this.group.append('path').attr('class', 'grip').attr('d', 'M-6,-15h12v9l-6,6l-6,-6z');
    const node = this.group.node()!;
    node.addEventListener('keydown', (event) => {
      const steps = STEPS[event.key];
      if (steps === undefined) return;
      event.preventDefault();
      options.onStep(steps);
    });
    node.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      node.setPointerCapture(event.pointerId);
      node.focus({ preventScroll: true });
      event.preventDefault();
    });
    node.addEventListener('pointermove', (event) => {
      if (node.hasPointerCapture(event.pointerId)) options.onDrag(pointer(event, layer.node())[0]);
    });
  }

  /** Sets its place and its text; null hides it, if there is no tail. */
  place(position: { x: number; now: number; most: number; text: string } | null): void {
    this.group.attr('visibility', position ? 'visible' : 'hidden').attr('tabindex', position ? 0 : -1);
    if (!position) return;
    const { height } = this.frame;
    this.group.select('.reach').attr('height', height + 16);
    this.group.select('line').attr('y2', height);
    this.group
      .attr('transform', `translate(${position.x},0)`)
      .attr('aria-valuemin', 0)
      .attr('aria-valuemax', position.most)
      .attr('aria-valuenow', position.now)
      .attr('aria-valuetext', position.text);
  }
}
