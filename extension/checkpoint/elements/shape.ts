/** Tensor counts and shapes as headers declare them: data to be checked. */

/** No framework stores more (NumPy's and PyTorch's own limit); bounds what a message quotes. */
export const MAX_RANK = 64;

/** Ten times the largest models' tensor counts; 100 MB of header could list 12 million useless ones. */
export const MAX_TENSORS = 1_000_000;

/**
 * Product of the shape (1 for a scalar), or a sentence that says what is wrong with it: not a list of non-negative
 * integers, too many axes, or a product beyond 2⁵³, where sizes stop being exact. A shape with a 0 is empty.
 */
export function elementCount(shape: unknown): number | string {
  if (!Array.isArray(shape)) return 'has no shape';
  if (shape.length > MAX_RANK) return `has ${shape.length} axes; more than ${MAX_RANK} are not supported`;
  let count = 1;
  let empty = false;
  for (const size of shape as unknown[]) {
    if (!isCount(size) || Object.is(size, -0)) {
      return `has the shape ${JSON.stringify(shape).slice(0, 200)}, which is not a list of sizes`;
    }
    if (size === 0) empty = true;
    else count *= size;
  }
  if (empty) return 0;
  // 2⁵³ bytes at up to 16 bytes an element.
  if (count > Number.MAX_SAFE_INTEGER / 16) return `has the shape [${shape.join(', ')}], which is too large to exist`;
  return count;
}

/** A whole number that can be exact, and none below zero. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Row-major strides, in elements; `fortran` for column-major. */
export function contiguousStrides(shape: readonly number[], fortran = false): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  const order = [...shape.keys()];
  if (!fortran) order.reverse();
  let step = 1;
  for (const axis of order) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}
