/** Maps the axes of a tensor to its matrices, and elements of the matrices to their places. */

/** Product of sizes that were checked. */
export function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}

/** The axes of a tensor that make up its matrices. Each axis is in one list; within a list the last changes fastest. */
export interface MatrixAxes {
  /** Axes that count matrices; empty where there is one. */
  readonly stack: readonly number[];
  readonly rows: readonly number[];
  readonly cols: readonly number[];
}

/** Sizes of `axes` multiplied: `[matrices, rows, cols]`. */
export function foldedSizes(shape: readonly number[], { stack, rows, cols }: MatrixAxes): [number, number, number] {
  const size = (axes: readonly number[]): number => product(axes.map((axis) => shape[axis]!));
  return [size(stack), size(rows), size(cols)];
}

/** True if the matrices' elements lie in the file in their own order. */
export function isInOrder({ stack, rows, cols }: MatrixAxes): boolean {
  return [...stack, ...rows, ...cols].every((axis, i) => axis === i);
}

interface Places {
  /** First elements of the runs that positions [start, end) along the folded first axis consist of. */
  readonly places: (start: number, end: number) => Generator<number>;
  /** Elements that are neighbours in the file and in the matrix. */
  readonly run: number;
  readonly perPosition: number;
}

/** Places of the folded tensor's elements among the stored ones. */
export function elementPlaces(shape: readonly number[], { stack, rows, cols }: MatrixAxes): Places {
  const offsets = (axes: readonly number[]): number[] =>
    axes.reduce<number[]>(
      (found, axis) => {
        const step = product(shape.slice(axis + 1));
        return found.flatMap((offset) => Array.from({ length: shape[axis]! }, (_, i) => offset + i * step));
      },
      [0],
    );
  const last = shape.length - 1;
  const isLast = cols.at(-1) === last;
  const run = isLast ? shape[last]! : 1;
  const [outer, middle] = stack.length > 0 ? [stack, rows] : [rows, []];
  const [first, second, third] = [offsets(outer), offsets(middle), offsets(isLast ? cols.slice(0, -1) : cols)];
  return {
    run,
    perPosition: second.length * third.length * run,
    *places(start, end) {
      for (const a of first.slice(start, end)) for (const b of second) for (const c of third) yield a + b + c;
    },
  };
}
