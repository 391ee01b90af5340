/** Words that agree with a count. */

/** @returns `one` for a count of 1, else `many`; without the number, which each place formats its own way */
export function agreeing(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? one : many;
}
