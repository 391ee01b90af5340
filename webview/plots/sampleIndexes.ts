/** At most `most` of `count` indexes, evenly spread, first and last among them: a table of 10⁶ rows helps nobody. */
export function sampleIndexes(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  const indexes = Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
  return [...new Set(indexes)];
}
