/** The files of this repository: what lies in its folders, without what is built, installed or hidden. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from './shared';

const NOT_SOURCE = ['node_modules', 'dist', 'test-results'];

/** Paths relative to the repository, with `/`, sorted. */
export function trackedFiles(folder = ''): string[] {
  return readdirSync(path.join(repositoryRoot, folder), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !NOT_SOURCE.includes(name))
    .flatMap((entry) => {
      const file = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) return trackedFiles(file);
      return entry.isFile() ? [file] : [];
    })
    .sort();
}
