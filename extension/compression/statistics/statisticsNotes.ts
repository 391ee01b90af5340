/** What a person should know of a file of statistics beside what it covers, in sentences. */
import path from 'node:path';
import { firstNames, NAMES_SHOWN } from '../../checkpoint/problemList';
import { agreeing } from '../../shared/agreeing';
import type { StatisticsSummary } from '../../shared/compression/statistics';

/** Problems that are told one by one. */
const PROBLEMS_SHOWN = 8;

export function statisticsNotes({ path: file, synthetic, unknown, problems }: StatisticsSummary): string[] {
  const name = path.basename(file);
  const more = problems.length - PROBLEMS_SHOWN;
  return [
    ...(synthetic ? [`${name} was made from random inputs, which say nothing of real ones.`] : []),
    ...(unknown.length > 0
      ? [
          `${unknown.length} ${agreeing(unknown.length, 'name')} in ${name} ${agreeing(unknown.length, 'is', 'are')} of no layer ` +
            `of this model: ${firstNames(unknown, NAMES_SHOWN)}.`,
        ]
      : []),
    ...problems.slice(0, PROBLEMS_SHOWN).map((problem) => `${name}: ${problem}.`),
    ...(more > 0 ? [`${name}: ${more} more ${agreeing(more, 'problem')} like these.`] : []),
  ];
}
