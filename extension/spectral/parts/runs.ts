/** Rows (or columns) of a matrix that belong together: evenly spaced runs of indices. */
import type { Runs } from '../../shared/tensors';

export function oneRun(start: number, length: number): Runs {
  return { start, length, step: length, count: 1 };
}

/** Blocks of `sizes`, one after another. */
export function consecutive(sizes: readonly number[]): Runs[] {
  let end = 0;
  return sizes.map((length) => {
    const start = end;
    end += length;
    return oneRun(start, length);
  });
}

/** Blocks of `sizes`, one after another, and that `groups` times over. */
export function grouped(sizes: readonly number[], groups: number): Runs[] {
  const step = sizes.reduce((sum, length) => sum + length, 0);
  return consecutive(sizes).map(({ start, length }) => ({ start, length, step, count: groups }));
}

/** Block `index` of `length` indices of those that the runs have; `length` divides the length of a run. */
export function blockOf(runs: Runs, index: number, length: number): Runs {
  const at = index * length;
  return oneRun(runs.start + Math.floor(at / runs.length) * runs.step + (at % runs.length), length);
}
