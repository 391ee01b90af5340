/** What the terminal prints about real checkpoints, beside what FARMS and WeightWatcher printed about them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { InspectReport } from '../../extension/inspectReport';
import { cli } from '../harness/commandLine';
import { compareWithGolden, goldenFiles } from '../harness/golden';
import { checkpointSuffixes } from '../../extension/checkpoint/registry';
import { sharedFolder } from '../harness/shared';

/** FARMS settings that the golden numbers were made with. */
const SETTINGS = [
  ['--farms-rows', '2000', '--farms-q', '1', '--farms-ops', '10', '--fit', 'peak'],
  ['--farms-rows', '32', '--farms-q', '1', '--farms-ops', '8', '--fit', 'mid'],
];

function inspected(checkpoint: string, settings: string[]): InspectReport {
  const args = [cli, 'inspect', checkpoint, '--json', '--no-cache', ...settings];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as InspectReport;
}

describe('printed numbers of the reference checkpoints', () => {
  if (!sharedFolder) {
    console.log('The reference checkpoints are not beside the repository: printed numbers are not compared with them.');
    return;
  }
  const shared = sharedFolder;
  for (const { golden } of goldenFiles(shared, checkpointSuffixes)) {
    it(golden.checkpoint, () => {
      for (const settings of SETTINGS) {
        const report = inspected(path.join(shared, 'checkpoints', golden.checkpoint), settings);
        const { checked, failures } = compareWithGolden(golden, report);
        assert.deepEqual(failures, []);
        assert.ok(checked > Object.keys(golden.layers).length);
      }
    });
  }
});
