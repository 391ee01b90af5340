/** Checks that the blocks a tensor was cut into are all of it, each element once. */
import { largestOf } from '../../shared/extremes';
import { product } from '../../shared/matrixAxes';

/** A block of a tensor: its first index along each axis, and its shape. */
export interface Block {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
}

/** Pairs of blocks that are compared: a grid of 1000 × 1000 needs as many, hostile ones any number. */
const MAX_COMPARISONS = 2_000_000;

/**
 * Comparisons that may still be made, of `MAX_COMPARISONS`: one budget for all tensors that may share the same blocks.
 */
export class TilingBudget {
  comparisons = MAX_COMPARISONS;
}

/** Why the blocks are not a tiling of the shape, in words; undefined where they are. Blocks without elements are none. */
export function tilingProblem(
  shape: readonly number[],
  blocks: readonly Block[],
  budget = new TilingBudget(),
): string | undefined {
  const filled = blocks.filter(({ sizes }) => !sizes.includes(0));
  for (const block of filled) {
    const { offsets, sizes } = block;
    const fits =
      offsets.length === shape.length &&
      sizes.length === shape.length &&
      sizes.every((size, axis) => offsets[axis]! + size <= shape[axis]!);
    if (!fits) return `its chunk ${text(block)} is not within its shape [${shape.join(', ')}]`;
  }
  const overlap = firstOverlap(shape.length, filled, budget);
  if (overlap !== undefined) return overlap;
  // Within the shape and apart from one another: they are all of it where they are as large.
  const covered = filled.reduce((sum, { sizes }) => sum + product(sizes), 0);
  const whole = product(shape);
  return covered === whole ? undefined : `its chunks hold ${covered} of its ${whole} elements`;
}

function firstOverlap(axes: number, blocks: readonly Block[], budget: TilingBudget): string | undefined {
  if (axes === 0) return blocks.length > 1 ? 'it has one element and several chunks' : undefined;
  const axis = mostCut(axes, blocks);
  const inOrder = blocks.toSorted((a, b) => a.offsets[axis]! - b.offsets[axis]!);
  let open: Block[] = [];
  for (const block of inOrder) {
    open = open.filter(({ offsets, sizes }) => offsets[axis]! + sizes[axis]! > block.offsets[axis]!);
    budget.comparisons -= open.length;
    if (open.length > 0 && budget.comparisons < 0)
      return `its ${blocks.length} chunks lie in a way that is not compared`;
    const other = open.find((before) => overlaps(before, block));
    if (other) return `its chunks ${text(other)} and ${text(block)} overlap`;
    open.push(block);
  }
  return undefined;
}

/** The axis along which the fewest blocks lie side by side. */
function mostCut(axes: number, blocks: readonly Block[]): number {
  const cuts = Array.from({ length: axes }, (_, axis) => new Set(blocks.map(({ offsets }) => offsets[axis])).size);
  return cuts.indexOf(largestOf(cuts));
}

function overlaps(a: Block, b: Block): boolean {
  return a.offsets.every(
    (offset, axis) => offset < b.offsets[axis]! + b.sizes[axis]! && b.offsets[axis]! < offset + a.sizes[axis]!,
  );
}

function text({ offsets, sizes }: Block): string {
  return `[${sizes.join(', ')}] at [${offsets.join(', ')}]`;
}
