/** How much a method keeps: the bounds of `LayerChoice.rank`, counts of shares. For checks, sliders and costs alike. Pure. */
import { largestOf, smallestOf } from '../extremes';
import type { MethodOptions } from './methodOptions';
import type { MethodName } from './methodTable';

/**
 * Largest `rank` that may be asked of a matrix. At least 1. At it the method returns the matrix, but for what is quantised;
 * `cospadi` does at min(outputs, inputs) already, with as many atoms an output.
 *
 * @param outputs rows of W, as y = Wx has it
 * @param inputs columns of W
 */
export function mostRank(
  method: MethodName,
  outputs: number,
  inputs: number,
  { cores }: Pick<MethodOptions, 'cores'>,
): number {
  switch (method) {
    case 'dct':
      return inputs;
    case 'cospadi':
      // More atoms than directions are what makes few of them enough for an output.
      return Math.max(outputs, inputs);
    case 'tensor-train':
      return largestOf(fullBonds(tensorSizes(outputs, cores), tensorSizes(inputs, cores)));
    default:
      return Math.min(outputs, inputs);
  }
}

/** Smallest `rank` that may be asked: a dictionary has as many atoms as an output is a sum of, at least. */
export function leastRank(method: MethodName, { nonzeros }: Pick<MethodOptions, 'nonzeros'>): number {
  return method === 'cospadi' ? Math.max(1, nonzeros) : 1;
}

/** How many columns or entries a share of them is: at least 1 unless the share is 0. */
export function shareOf(share: number, count: number): number {
  return share === 0 ? 0 : Math.max(1, Math.round(share * count));
}

/**
 * A number as a product of `count` factors as near to one another as its prime factors allow, in descending order; 1 stands
 * for what is left over.
 */
export function tensorSizes(size: number, count: number): number[] {
  const sizes = new Array<number>(count).fill(1);
  for (const prime of primeFactors(size).reverse()) {
    const smallest = sizes.indexOf(smallestOf(sizes));
    sizes[smallest] = sizes[smallest]! * prime;
  }
  return sizes.sort((a, b) => b - a);
}

/** Bonds of a chain that loses nothing: each the smaller side of the unfolding there; the first and the last are 1. */
export function fullBonds(rowSizes: readonly number[], columnSizes: readonly number[]): number[] {
  const sizes = rowSizes.map((rows, i) => rows * columnSizes[i]!);
  const total = sizes.reduce((product, size) => product * size, 1);
  let before = 1;
  return [1, ...sizes.map((size) => Math.min((before *= size), total / before))];
}

/** Ascending. */
function primeFactors(size: number): number[] {
  const factors: number[] = [];
  for (let prime = 2; prime * prime <= size; prime++) {
    for (; size % prime === 0; size /= prime) factors.push(prime);
  }
  if (size > 1) factors.push(size);
  return factors;
}
