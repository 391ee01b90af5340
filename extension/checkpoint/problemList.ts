/** Problems of one checkpoint, bounded: a damaged header can be wrong a million times over. */
import type { Problem } from '../shared/tensors';
import { CheckpointError, type CheckpointErrorCode } from './checkpointError';

/** More than a person reads; keeps the memory and messages that a hostile file can cause small. */
export const MAX_PROBLEMS = 1000;

/** Names listed where one problem is about many tensors. */
export const NAMES_SHOWN = 3;

export class ProblemList {
  private readonly kept: Problem[] = [];
  private dropped = 0;

  constructor(private readonly file: string) {}

  add(
    code: CheckpointErrorCode,
    message: string,
    where: { file?: string; offset?: number; tensor?: string; remedy?: string } = {},
  ): void {
    // Not even built where there is no room: an Error takes its stack along.
    if (this.kept.length >= MAX_PROBLEMS) this.dropped++;
    else this.kept.push(new CheckpointError(code, message, { file: this.file, ...where }).toProblem());
  }

  push(problem: Problem): void {
    if (this.kept.length >= MAX_PROBLEMS) this.dropped++;
    else this.kept.push(problem);
  }

  pushAll(problems: readonly Problem[]): void {
    for (const problem of problems) this.push(problem);
  }

  /** All that were kept, and one that counts the rest. */
  list(): Problem[] {
    if (this.dropped === 0) return this.kept;
    const rest = new CheckpointError('malformed', `and ${this.dropped} further problems like these`, {
      file: this.file,
    });
    return [...this.kept, rest.toProblem()];
  }
}

/** `3 tensors (a, b, c)`, `90 tensors (a, b, c, …)`. */
export function countNames(names: readonly string[]): string {
  return `${names.length} ${names.length === 1 ? 'tensor' : 'tensors'} (${firstNames(names, NAMES_SHOWN)})`;
}

/** `a, b, c`, or `a, b, c, …` where there are more than `most`. */
export function firstNames(names: readonly string[], most: number): string {
  return names.slice(0, most).join(', ') + (names.length > most ? ', …' : '');
}
