/**
 * Multiply-adds of a tensor train with one vector. No program that loads our files computes with the cores: they multiply them
 * out. A program may also contract a chain core by core, from either end. The cheapest of the three counts.
 */
export interface ChainCost {
  readonly multiplyAdds: number;
  /** Most numbers held between two cores; 0 for a chain that is multiplied out. */
  readonly activations: number;
}

/**
 * @param rowSizes factors of the outputs
 * @param columnSizes factors of the inputs
 * @param bonds one more; the first and the last are 1
 */
export function chainCost(
  rowSizes: readonly number[],
  columnSizes: readonly number[],
  bonds: readonly number[],
): ChainCost {
  const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
  const dense = { multiplyAdds: product(rowSizes) * product(columnSizes), activations: 0 };
  const left = fromLeft(rowSizes, columnSizes, bonds);
  const right = fromLeft(rowSizes.toReversed(), columnSizes.toReversed(), bonds.toReversed());
  return [left, right].reduce((best, each) => (each.multiplyAdds < best.multiplyAdds ? each : best), dense);
}

/** Core by core: its inputs and a bond go, its outputs and a bond come. */
function fromLeft(rowSizes: readonly number[], columnSizes: readonly number[], bonds: readonly number[]): ChainCost {
  let [multiplyAdds, activations] = [0, 0];
  let held = columnSizes.reduce((all, size) => all * size, 1);
  for (const [l, rows] of rowSizes.entries()) {
    multiplyAdds += held * rows * bonds[l + 1]!;
    held = (held / columnSizes[l]! / bonds[l]!) * rows * bonds[l + 1]!;
    if (l < rowSizes.length - 1) activations = Math.max(activations, held);
  }
  return { multiplyAdds, activations };
}
