/** Numbers in JSON, and texts that no reader of JSON should trip over. */
import type { Field } from './fields';

/** All numbers of the JSON text in bytes [start, end), outside of its strings. */
export function jsonFields(
  bytes: Buffer,
  start = 0,
  end = bytes.length,
  enclosing: readonly Field[] = [],
): readonly Field[] {
  // Byte for byte, so that places in the text are places in the file.
  const text = bytes.toString('latin1', start, end);
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g)]
    .filter(([found]) => !found.startsWith('"'))
    .map(({ 0: found, index }) => {
      const key = /"([^"]*)"\s*:[^:"]*$/.exec(text.slice(0, index))?.[1] ?? 'item';
      return { name: `"${key}"`, at: start + index, width: found.length, encoding: 'decimal', enclosing };
    });
}

/** Brackets without end: what recursive parsers die of. */
export const DEEP_JSON: readonly (readonly [string, string])[] = [
  ['lists in lists', '['.repeat(1_000_000)],
  ['objects in objects', '{"a":'.repeat(400_000)],
  ['lists in lists that end', `${'['.repeat(300_000)}${']'.repeat(300_000)}`],
];
