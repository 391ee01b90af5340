/** Finds the checkpoints that a source file names: paths and names in its strings, or anywhere in a log or a text. */
import path from 'node:path';
import { largestOf } from '../../shared/extremes';
import { MAX_SOURCE } from './pythonStrings';

/** Strings of a source file that are compared with paths. */
const MAX_STRINGS = 2000;

/** Content of a string, or a run of what paths consist of. */
const STRING = /["'`]([^"'`\n]{2,300})["'`]|([\w.~@:\\/-]{4,300})/g;

export class SourceMentions {
  /** Path components of each string, last first. */
  private readonly paths: readonly (readonly string[])[];
  /** What was told, by checkpoint: links ask for each of some thousand names. */
  private readonly told = new Map<string, number>();

  constructor(source: string) {
    const strings = new Set<string>();
    for (const [, quoted, plain] of source.slice(0, MAX_SOURCE).matchAll(STRING)) {
      if (strings.size >= MAX_STRINGS) break;
      strings.add(quoted ?? plain!);
    }
    this.paths = [...strings].map(fromTheEnd);
  }

  /** How many components of the checkpoint's path stand in the source, 0 for none. A folder counts as what is in it. */
  of(checkpoint: string): number {
    const known = this.told.get(checkpoint);
    if (known !== undefined) return known;
    const most = largestOf(
      this.paths.map((written) => agreement(written, checkpoint)),
      0,
    );
    this.told.set(checkpoint, most);
    return most;
  }
}

/**
 * Components that a written path and a checkpoint's have in common: all of the written one, from its end, whether it names
 * the file, its folder, or a model of the hub (`org/name`, a folder `models--org--name` above it).
 *
 * @returns 0 where they do not agree
 */
export function pathAgreement(written: string, checkpoint: string): number {
  return agreement(fromTheEnd(written), checkpoint);
}

function agreement(written: readonly string[], checkpoint: string): number {
  if (written.length === 0) return 0;
  const own = fromTheEnd(checkpoint);
  const [, ...folder] = own;
  const begins = (whole: readonly string[]): boolean => written.every((part, index) => whole[index] === part);
  if (begins(own) && /\.\w+$/.test(written[0]!)) return written.length + 1;
  if (written.length > 1 || !/^\w{1,5}$/.test(written[0]!)) {
    if (begins(folder)) return written.length;
  }
  const hub = written.length === 2 ? `models--${written[1]}--${written[0]}` : undefined;
  return hub !== undefined && folder.includes(hub) ? 2 : 0;
}

function fromTheEnd(written: string): string[] {
  return written
    .split(/[\\/]/)
    .filter((part) => part !== '' && part !== '.' && part !== '..')
    .reverse();
}

/** Folders between a source file and a checkpoint: the nearest is the likeliest. */
export function folderDistance(source: string, checkpoint: string): number {
  return path.relative(path.dirname(source), path.dirname(checkpoint)).split(/[\\/]/).filter(Boolean).length;
}
