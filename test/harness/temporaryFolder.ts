/** A folder that a test may fill, removed when the suite ends. Call inside `describe`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
