/** What the extension host calls, here and under @vscode/test-electron: runs every test file of this folder. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import Mocha from 'mocha';
import { testLimit } from '../harness/machineSpeed';

export async function run(): Promise<void> {
  const reporter = path.join(__dirname, '../../../test/harness/reporter.js');
  const mocha = new Mocha({ ui: 'bdd', timeout: testLimit(), slow: 5000, color: true, reporter });
  for (const name of readdirSync(__dirname)) {
    if (name.endsWith('.test.js')) mocha.addFile(path.join(__dirname, name));
  }
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} failed`);
}
