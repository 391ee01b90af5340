/** Plans on disk. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { fileError } from '../../checkpoint/files/fileReader';
import { PLAN_ENDING, type CompressionPlan } from '../../shared/compression/plans';
import { planText } from '../../shared/compression/planText';
import { writeAtomically } from '../atomicFile';
import { CompressionError } from '../compressionError';
import { parsePlan } from './parsePlan';

/** A plan of 100 000 layers has some 10 MB. */
const MAX_PLAN_BYTES = 64 * 1024 * 1024;

/**
 * @throws CompressionError `invalid-plan`
 * @throws CheckpointError `not-found`, `permission`, `io`
 */
export async function readPlan(file: string, signal?: AbortSignal): Promise<CompressionPlan> {
  let text: string;
  try {
    const stats = await stat(file);
    if (!stats.isFile()) throw new CompressionError('invalid-plan', 'is not a regular file', { file });
    if (stats.size > MAX_PLAN_BYTES) {
      throw new CompressionError('invalid-plan', `has ${stats.size} bytes, which is no plan`, { file });
    }
    text = await readFile(file, { encoding: 'utf8', ...(signal && { signal }) });
  } catch (error) {
    if (error instanceof CompressionError || signal?.aborted) throw error;
    throw fileError(error, file);
  }
  return parsePlan(text, file);
}

/**
 * @param target its name, and that of the file that a link leads to, ends in `.eigenplan.json`: what ends so is no file of
 *   a model, and may be replaced if asked
 * @returns the file written
 * @throws CompressionError as `writeAtomically`; `not-a-file` for another ending
 */
export async function writePlan(
  plan: CompressionPlan,
  target: string,
  options: { protect: readonly string[]; overwrite?: boolean; signal?: AbortSignal },
): Promise<string> {
  if (!target.endsWith(PLAN_ENDING)) {
    const reason = `is no name of a plan; end it with ${PLAN_ENDING}`;
    throw new CompressionError('not-a-file', reason, { file: target });
  }
  // Without a file yet, there is no link to follow; one that leads nowhere is refused where it is written.
  const file = await realpath(target).catch(() => target);
  if (!file.endsWith(PLAN_ENDING)) {
    const reason = `leads to ${file}, which is no name of a plan; choose another name`;
    throw new CompressionError('not-a-file', reason, { file: target });
  }
  const bytes = new TextEncoder().encode(planText(plan));
  return writeAtomically(target, { size: bytes.length, ...options }, (append) => append(bytes));
}
