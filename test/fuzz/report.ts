/** A fuzzing run in words. */
import type { FuzzReport } from './fuzzer';

/** One line of counts, and for each failure how to repeat it. */
export function reportLines({ format, counts, failures, slowestMilliseconds }: FuzzReport): string[] {
  const { opened, partial, refused } = counts;
  return [
    `${format}: ${opened} opened, ${partial} partial, ${refused} refused, ${failures.length} failed` +
      ` (slowest ${Math.round(slowestMilliseconds)} ms)`,
    ...failures.flatMap(({ index, origin, seed, description, fault, kept }) => [
      `  case ${index}: ${description}`,
      `    ${fault.replaceAll('\n', '\n    ')}`,
      `    kept in ${kept}`,
      `    again: npm run fuzz -- --format "${format}" ${origin === 'corpus' ? '--corpus' : `--seed ${seed}`} --case ${index}`,
    ]),
  ];
}
