/** Where tests find the repository and, when it lies beside it, the folder of reference checkpoints and golden numbers. */
import { existsSync } from 'node:fs';
import path from 'node:path';

function findRoot(from: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'esbuild.js')) && existsSync(path.join(folder, 'package.json'))) return folder;
    if (path.dirname(folder) === folder) throw new Error(`no repository above ${from}`);
  }
}

export const repositoryRoot = findRoot(existsSync(path.join(process.cwd(), 'esbuild.js')) ? process.cwd() : __dirname);

const beside = path.join(repositoryRoot, '..', 'shared');

/** `../shared`, or undefined where the repository stands alone. */
export const sharedFolder: string | undefined = existsSync(path.join(beside, 'checkpoints')) ? beside : undefined;
