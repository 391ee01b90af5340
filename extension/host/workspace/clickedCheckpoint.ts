/** What is meant by the file or folder of the explorer that was clicked. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { folderMeaning } from '../../shared/names/folderMeaning';

/**
 * A file means itself. A folder means the file that the engine takes for it, or several for a person to choose from.
 * Otherwise the folder itself is returned: shards without an index are their folder, and the engine says what is missing.
 */
export async function checkpointsIn(clicked: string): Promise<string[]> {
  if (!(await stat(clicked)).isDirectory()) return [clicked];
  const entries = await readdir(clicked, { withFileTypes: true });
  const meaning = folderMeaning(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name));
  if (meaning.kind === 'file') return [path.join(clicked, meaning.name)];
  if (meaning.kind === 'several') return meaning.names.map((name) => path.join(clicked, name));
  return [clicked];
}
