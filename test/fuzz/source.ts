/** A sound checkpoint that the fuzzer damages: how it is written, and which of its files may be damaged. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sharedFolder } from '../harness/shared';

export interface Source {
  readonly name: string;
  /** Path to open, in the folder that `lay` fills. */
  readonly open: string;
  /** Files that may be damaged, below that folder. */
  readonly damage: readonly string[];
  /** Puts the sound checkpoint into an empty folder. */
  lay(folder: string): void;
}

export function made(name: string, bytes: () => Uint8Array): Source {
  return { name, open: name, damage: [name], lay: (folder) => writeFileSync(path.join(folder, name), bytes()) };
}

/** Files below the reference checkpoints, one source each; none where the repository stands alone. */
export function reference(...files: readonly string[]): Source[] {
  if (sharedFolder === undefined) return [];
  const checkpoints = path.join(sharedFolder, 'checkpoints');
  return files.map((file) => {
    const name = path.basename(file);
    return { ...made(name, () => readFileSync(path.join(checkpoints, file))), name: file };
  });
}
