/** The blocks, or layers in order, that a plot has in sight: an axis with a place for each. */
import { scaleLinear } from 'd3-scale';
import type { PlotFrame } from '../plots/plotFrame';

/** So many are shown at least. */
export const LEAST_BLOCKS = 2;

export class BlockWindow {
  readonly scale = scaleLinear();
  /** Those whose middle is in sight, the last one excluded. */
  first = 0;
  end = 1;

  /** @param count at least one @param width in pixels */
  measure(frame: PlotFrame, count: number, width: number): void {
    this.scale.domain([0, count]).range([0, width]);
    frame.narrow('x', this.scale);
    const [low, high] = this.scale.domain() as [number, number];
    this.first = Math.min(count - 1, Math.max(0, Math.ceil(low - 0.5)));
    this.end = Math.min(count, Math.max(this.first + 1, Math.floor(high + 0.5)));
  }

  inSight<T>(all: readonly T[]): readonly T[] {
    return all.slice(this.first, this.end);
  }

  /** The nearest one in sight. */
  bounded(at: number): number {
    return Math.min(this.end - 1, Math.max(this.first, at));
  }

  /** Left edge, and width, of those in sight. */
  get extent(): { left: number; width: number } {
    const left = this.scale(this.first);
    return { left, width: this.scale(this.end) - left };
  }
}
