/** How the terminal program ends when its output, its disk or its person will not have any more. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cli } from '../harness/commandLine';
import { safetensorsHeader, writeSafetensors } from '../harness/checkpoints/madeCheckpoints';
import { temporaryFolder } from '../harness/temporaryFolder';

describe('the terminal program’s end', () => {
  const folder = temporaryFolder();

  it('ends quietly when the reader of its output has seen enough', async () => {
    const child = spawn(process.execPath, [cli, 'tensors', manyTensors(), '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.once('data', () => child.stdout.destroy());
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });

  if (existsSync('/dev/full')) {
    it('says that its output is lost where the disk is full: exit code 2', () => {
      const full = openSync('/dev/full', 'w');
      const { status, stderr } = spawnSync(process.execPath, [cli, 'tensors', manyTensors()], {
        encoding: 'utf8',
        stdio: ['ignore', full, 'pipe'],
      });
      closeSync(full);
      assert.equal(status, 2);
      assert.match(stderr, /^eigenscope: the output could not be written \(ENOSPC.*\)\n$/);
    });
  }

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`${signal} stops a save, which then leaves nothing behind`, async () => {
      const place = mkdtempSync(path.join(folder, 'stopped-'));
      const out = path.join(place, 'out.safetensors');
      const args = [cli, 'compress', large(), '--layer', 'weight', '--rank', '1', '--out', out];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const watching = setInterval(() => {
        if (readdirSync(place).length === 0) return;
        clearInterval(watching);
        child.kill(signal);
      }, 1);
      const [code] = (await once(child, 'close')) as [number | null];
      assert.equal(code, status, stderr);
      assert.match(stderr, /cancelled; nothing was written/);
      assert.deepEqual(readdirSync(place), []);
    });
  }

  /** More names than a pipe holds. */
  function manyTensors(): string {
    const names = Array.from({ length: 2000 }, (_, index) => `block.${index}.weight`);
    return writeSafetensors(
      path.join(folder, 'many.safetensors'),
      names.map((name) => ({ name, shape: [1], values: [0] })),
    );
  }

  /** A file that takes a while to copy: zeros that take no place on the disk, and a small matrix. */
  function large(): string {
    const file = path.join(folder, 'large.safetensors');
    const tensors = [
      { name: 'weight', shape: [16, 16] },
      { name: 'padding', shape: [1 << 27] },
    ];
    const { header, dataBytes } = safetensorsHeader(tensors, 'F32', 4);
    writeFileSync(file, header);
    truncateSync(file, header.length + dataBytes);
    return file;
  }
});
