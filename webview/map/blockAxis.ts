/** Numbers of blocks under a plot, thinned to what fits, with the names of their stacks where there are several. */
import type { MapBlock } from '../../extension/shared/names/modelMap';
import type { Layer } from '../plots/plotFrame';

/** Least pixels from one label to the next. */
const SPACING = 22;
const CHARACTER = 7;

/**
 * @param layer to draw into
 * @param left of the blocks, and their width, in plot coordinates
 * @param top of the axis
 */
export function drawBlockAxis(
  layer: Layer,
  blocks: readonly MapBlock[],
  { left, width, top }: { left: number; width: number; top: number },
): void {
  const group = layer.append('g').attr('class', 'axis block-axis').attr('transform', `translate(${left},${top})`);
  const each = width / blocks.length;
  let free = -Infinity;
  blocks.forEach((block, i) => {
    const isFirst = i > 0 && block.stack !== blocks[i - 1]!.stack;
    if (isFirst) {
      const x = i * each;
      group.append('line').attr('x1', x).attr('x2', x).attr('y2', 22);
    }
    const next = blocks.findIndex((other, at) => at > i && other.stack !== block.stack);
    const room = ((next < 0 ? blocks.length : next) - i) * each;
    const fits = block.label.length * CHARACTER < room;
    const text = (i === 0 || isFirst) && fits ? block.label : block.number;
    const [x, half] = [(i + 0.5) * each, (text.length * CHARACTER) / 2];
    const starts = Math.max(0, x - half);
    if (starts < free || starts + 2 * half > width + CHARACTER) return;
    free = starts + Math.max(2 * half + CHARACTER, SPACING);
    group
      .append('text')
      .attr('x', starts + half)
      .attr('y', 14)
      .attr('text-anchor', 'middle')
      .text(text);
  });
}
