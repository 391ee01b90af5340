/** One sentence about a file that ends too early, in place of one for each tensor that lies behind its end. */
import type { Problem } from '../shared/tensors';
import type { Checkpoint } from './checkpoint';
import { CheckpointError } from './checkpointError';
import { firstNames, MAX_PROBLEMS } from './problemList';
import { weightFilesOf } from './wrappedCheckpoint';
import { l10n } from '../shared/language/l10n';

const NAMES_SHOWN = 3;

/** @param sizes bytes of each file */
export function problemsOf(
  checkpoint: Pick<Checkpoint, 'problems' | 'tensors' | 'files' | 'weightFiles'>,
  sizes: ReadonlyMap<string, number>,
): Problem[] {
  const { problems, tensors } = checkpoint;
  const byFile = new Map<string, string[]>();
  for (const { code, file, tensor } of problems) {
    if (code !== 'truncated' || file === undefined || tensor === undefined) continue;
    const names = byFile.get(file);
    if (names) names.push(tensor);
    else byFile.set(file, [tensor]);
  }
  const told = new Set<string>();
  return problems.flatMap((problem) => {
    const { code, file = '', tensor } = problem;
    const names = byFile.get(file);
    if (code !== 'truncated' || tensor === undefined || !names || names.length < 2) return problem;
    if (told.has(file)) return [];
    told.add(file);
    const all = new Set([...names, ...tensors.map(({ name }) => name)]).size;
    const size = sizes.get(file);
    const end =
      size === undefined
        ? l10n.english('ends too early')
        : l10n.english('ends too early after {0} bytes', size.toLocaleString('en'));
    // If there are several files, the other tensors in this one are not known, nor how many names a full list has left
    // out.
    const few = problems.length <= MAX_PROBLEMS;
    const count = few
      ? weightFilesOf(checkpoint) === 1
        ? l10n.english('{0} of its {1} tensors', names.length, all)
        : l10n.english('{0} of its tensors', names.length)
      : l10n.english('at least {0} of its tensors', names.length);
    const shown = firstNames(names, NAMES_SHOWN);
    const message = l10n.english('{0}: {1} ({2}) are missing or cut off', end, count, shown);
    return new CheckpointError('truncated', message, { file }).toProblem();
  });
}
