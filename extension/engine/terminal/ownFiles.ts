/** `--own FILE` of `inspect` and `report`: a person's own numbers of layers, beside the measured ones. */
import path from 'node:path';
import type { CheckpointSummary } from '../../shared/tensors';
import type { OwnNumbers } from '../../shared/ownNumbers';
import { agreeing } from '../../shared/agreeing';
import { readOwnNumbers } from '../ownNumbers/readOwnNumbers';

/**
 * Reads the files, and tells what of them fits nothing: names, cells, columns that a later file has, too.
 *
 * @param tell a line for people
 * @throws EngineError, CheckpointError as `readOwnNumbers`
 */
export async function ownFiles(
  summary: Pick<CheckpointSummary, 'tensors'>,
  files: readonly string[],
  tell: (message: string) => void,
): Promise<OwnNumbers[]> {
  const read: OwnNumbers[] = [];
  const { signal } = new AbortController();
  const holders = new Map<string, string>();
  for (const file of files) {
    const own = await readOwnNumbers(summary, path.resolve(file), signal);
    for (const message of ownNotes(own)) tell(`${file}: ${message}`);
    for (const { name } of own.columns) {
      const before = holders.get(name);
      if (before !== undefined) tell(`${file}: its column "${name}" takes the place of that of ${before}.`);
      holders.set(name, file);
    }
    read.push(own);
  }
  return read;
}

function ownNotes({ unmatched, problems }: OwnNumbers): string[] {
  const rest = (count: number, told: number): string => (count > told ? `, and ${count - told} more` : '');
  const { names, count } = unmatched;
  const missing = `${count} ${agreeing(count, 'name')} ${agreeing(count, 'is', 'are')} not in this checkpoint`;
  const left = problems.count - problems.messages.length;
  return [
    ...(count > 0 ? [`${missing}: ${names.join(', ')}${rest(count, names.length)}.`] : []),
    ...problems.messages,
    ...(left > 0 ? [`And ${left} more ${agreeing(left, 'problem')}.`] : []),
  ];
}
