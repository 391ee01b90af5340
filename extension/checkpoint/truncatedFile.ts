/** One sentence about a file that ends too early, in place of one for each tensor that lies behind its end. */
import type { Problem } from '../shared/tensors';
import type { Checkpoint } from './checkpoint';
import { CheckpointError } from './checkpointError';
import { firstNames, MAX_PROBLEMS } from './problemList';
import { weightFilesOf } from './wrappedCheckpoint';

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
    const end = size === undefined ? '' : ` after ${size.toLocaleString('en')} bytes`;
    // If there are several files, the other tensors in this one are not known, nor how many names a full list has left
    // out.
    const few = problems.length <= MAX_PROBLEMS;
    const count = few ? `${names.length}` : `at least ${names.length}`;
    const among = few && weightFilesOf(checkpoint) === 1 ? `of its ${all} tensors` : 'of its tensors';
    const message = `ends too early${end}: ${count} ${among} (${firstNames(names, NAMES_SHOWN)}) are missing or cut off`;
    return new CheckpointError('truncated', message, { file }).toProblem();
  });
}
