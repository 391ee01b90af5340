/** What models of an evaluation are called: by what tells their paths apart. Pure. */
import { largestOf } from '../../extension/shared/extremes';

/** @returns as many of the last parts of each path as tell it from all others, the first one alone by default */
export function modelNames(paths: readonly string[]): string[] {
  const parts = paths.map((each) => each.split(/[\\/]/).filter((part) => part !== ''));
  const longest = largestOf(parts.map(({ length }) => length));
  for (let count = 1; count < longest; count++) {
    const names = parts.map((each) => each.slice(-count).join('/'));
    if (new Set(names).size === new Set(paths).size) return names;
  }
  return [...paths];
}
