import assert from 'node:assert/strict';
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { trialProcess, tryOnnxruntime } from '../../../../extension/engine/resources/trialProcess';
import { eventually } from '../../../harness/eventually';
import { repositoryRoot } from '../../../harness/shared';
import type { Accelerator } from '../../../../extension/linalg/devices/providers';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // One that has ended and that nobody has asked about yet still has its number.
  const state = `/proc/${pid}/stat`;
  return !(existsSync(state) && /\) [ZX] /.test(readFileSync(state, 'utf8')));
}

describe('trial in a process of its own', () => {
  const children: ChildProcess[] = [];
  const script = path.join(__dirname, '../../../harness/fakes/fakeTrial.main.js');
  const trial = (behaviour: string, limitMs = 30_000): ReturnType<ReturnType<typeof trialProcess>> =>
    trialProcess(script, (child) => children.push(child))(behaviour as Accelerator, limitMs);

  it('hands its verdict over, and ends', async () => {
    assert.deepEqual(await trial('cuda'), { refused: 'cuda is not here' });
  });

  it('that a driver takes down is a refusal, with its last words', async () => {
    assert.deepEqual(await trial('crash'), { refused: 'its trial was ended by SIGKILL: the driver gave up' });
  });

  it('that ends without a verdict is a refusal', async () => {
    assert.deepEqual(await trial('exit'), { refused: 'its trial ended with status 3' });
  });

  it('that hangs is ended after its time', async () => {
    assert.deepEqual(await trial('hang', 300), { refused: 'gave no answer within 0.3 s' });
    const child = children.at(-1)!;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    assert.equal(child.signalCode, 'SIGKILL');
  });

  it('that hangs ends with the process that began it', async () => {
    const parent = spawnSync(process.execPath, [path.join(path.dirname(script), 'trialParent.main.js')], {
      encoding: 'utf8',
    });
    const pid = Number(parent.stdout);
    assert.ok(pid > 0, parent.stderr);
    await eventually(
      () => Promise.resolve(isRunning(pid)),
      (running) => !running,
    );
  });

  it('whose program is not there is a refusal', async () => {
    const verdict = await trialProcess(path.join(__dirname, 'none.js'))('cuda', 30_000);
    assert.ok('refused' in verdict && /ended with status 1/.test(verdict.refused), JSON.stringify(verdict));
  });

  it('that cannot be started is a refusal, where that is thrown as well', async () => {
    // No argument of a process may hold a NUL: `fork` throws, as it does where the system has no memory left.
    const verdict = await tryOnnxruntime('trial\0.js');
    assert.ok(
      'refused' in verdict && /^its trial could not be started: /.test(verdict.refused),
      JSON.stringify(verdict),
    );
  });

  it('says that onnxruntime loads here', async () => {
    assert.deepEqual(await tryOnnxruntime(path.join(repositoryRoot, 'dist/trial.js')), { loads: true });
  });

  it('says how a process ended that onnxruntime took down', async () => {
    const library = path.join(mkdtempSync(path.join(os.tmpdir(), 'eigenscope-trial-')), 'trial.js');
    try {
      writeFileSync(library, 'process.stderr.write("illegal instruction\\n", () => process.exit(70));');
      assert.deepEqual(await tryOnnxruntime(library), {
        refused: 'its trial ended with status 70: illegal instruction',
      });
    } finally {
      rmSync(path.dirname(library), { recursive: true });
    }
  });
});
