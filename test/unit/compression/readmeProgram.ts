/** Programs that the README of `compression` shows, for tests that run them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../harness/shared';

/** The Python block that defines a function. */
export function readmeProgram(name: string): string {
  const text = readFileSync(path.join(repositoryRoot, 'extension', 'compression', 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^```python\n(.*?)^```$/gms)].map(([, block]) => block!);
  const found = blocks.filter((block) => block.includes(`def ${name}(`));
  assert.equal(found.length, 1, `the README has ${found.length} programs with ${name}`);
  return found[0]!;
}
