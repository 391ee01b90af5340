/** The built terminal program, run as a person runs it. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from './shared';

export const cli = path.join(repositoryRoot, 'dist', 'cli.js');

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Node keeps the first megabyte of what a process prints, and drops the rest without a word, unless told otherwise. */
const MAX_OUTPUT = 1 << 28;

/** Runs the program to its end, with its cache of results in `folder`. */
export function commandLine(folder: string): (...args: string[]) => Finished {
  const env = { ...process.env, EIGENSCOPE_CACHE_DIR: path.join(folder, 'cache') };
  return (...args) => spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', env, maxBuffer: MAX_OUTPUT });
}
