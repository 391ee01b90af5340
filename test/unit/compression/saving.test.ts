/** Saves that end badly, in processes that are really killed and on disks that are really full. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAtomically } from '../../../extension/compression/atomicFile';
import { CompressionError } from '../../../extension/compression/compressionError';
import { saveCheckpointWith } from '../../../extension/compression/safetensorsWriter';
import { madeTensor, memoryCheckpoint, parseSafetensors } from './savingFixture';

/** Built beside this suite. */
const CHILD = path.join(__dirname, 'savingChild.main.js');

const MEGABYTES = 24;

describe('a save that is interrupted', () => {
  let folder: string;
  let target: string;
  let source: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-saving-'));
    target = path.join(folder, 'out.safetensors');
    // Beside a model nothing is replaced.
    mkdirSync(path.join(folder, 'model'));
    source = path.join(folder, 'model', 'source.safetensors');
    writeFileSync(source, 'the original');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const partials = () => readdirSync(folder).filter((name) => name.endsWith('.partial'));

  /**
   * Runs the child until `enough` says so of its output and kills it with SIGKILL. Without `pauseBefore`, the megabyte
   * before which it waits, it may be faster than the kill.
   */
  function killedWhen(enough: (output: string) => boolean, pauseBefore?: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const pause = pauseBefore === undefined ? [] : [String(pauseBefore)];
      const child = spawn(process.execPath, [CHILD, target, String(MEGABYTES), source, ...pause], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (enough(output)) child.kill('SIGKILL');
      });
      child.on('error', reject);
      child.on('close', (_, signal) => {
        if (signal === 'SIGKILL' || output.includes('saved')) resolve(output);
        else reject(new Error(`the child ended by itself: ${output}`));
      });
    });
  }

  const progress = (output: string) => Number(/writing (\S+)\n(?!.*writing)/s.exec(output)?.[1] ?? 0);

  for (const [when, fraction, pauseBefore] of [
    ['at its first bytes', 0, 0],
    ['half way', 0.5, MEGABYTES / 2],
    ['with everything written but perhaps not yet in place', 1, undefined],
  ] as const) {
    for (const old of ['old content', undefined]) {
      it(`killed ${when}: ${old ? 'the old target' : 'no target'} or the whole new one, and the source intact`, async () => {
        if (old) writeFileSync(target, old);
        await killedWhen((output) => output.includes('writing') && progress(output) >= fraction, pauseBefore);
        assert.equal(readFileSync(source, 'utf8'), 'the original');
        const present = readdirSync(folder).includes('out.safetensors');
        if (fraction < 1) {
          assert.equal(present ? readFileSync(target, 'utf8') : undefined, old);
          assert.equal(partials().length, 1, 'only its partial file is left');
        } else if (present && readFileSync(target).length !== old?.length) {
          assert.equal(parseSafetensors(target).tensors.size, MEGABYTES);
        } else {
          assert.equal(present ? readFileSync(target, 'utf8') : undefined, old);
        }
      });
    }
  }

  it('killed at any moment: never half a target', async () => {
    for (let delay = 0; delay < 8; delay++) {
      writeFileSync(target, 'old content');
      let began: bigint | undefined;
      await killedWhen((output) => {
        // A different instant each time, counted from the first band.
        if (output.includes('writing')) began ??= process.hrtime.bigint();
        return began !== undefined && process.hrtime.bigint() - began >= BigInt(delay) * 12_000_000n;
      });
      if (readFileSync(target).length !== 'old content'.length) {
        assert.equal(parseSafetensors(target).tensors.size, MEGABYTES);
      }
      assert.equal(readFileSync(source, 'utf8'), 'the original');
    }
  });

  it('is cleaned up by the next save into the folder, but not while it is running', async () => {
    const child = spawn(process.execPath, [CHILD, target, String(MEGABYTES), source, String(MEGABYTES / 2)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    // It has begun, and will wait in the middle.
    await once(child.stdout, 'data');
    await saveSmall('other.safetensors');
    assert.equal(partials().length, 1, 'the file of a save that is running stays');
    child.kill('SIGKILL');
    await closed;
    await saveSmall('other.safetensors');
    assert.deepEqual(partials(), []);
  });

  it('aborted half way: the old target, no partial file', async () => {
    writeFileSync(target, 'old content');
    const abort = new AbortController();
    const tensors = Array.from({ length: 4 }, (_, i) => madeTensor(`t${i}`, 'F32', [512, 512], i));
    const saving = saveCheckpointWith(memoryCheckpoint(tensors), new Map(), {
      target,
      note: {},
      overwrite: true,
      signal: abort.signal,
      onProgress: (fraction) => {
        if (fraction > 0.5) abort.abort();
      },
    });
    await assert.rejects(saving, { name: 'AbortError' });
    assert.equal(readFileSync(target, 'utf8'), 'old content');
    assert.deepEqual(partials(), []);
  });

  if (process.platform !== 'win32') {
    it('a write the system refuses half way (file size limit): a message, the old target, no partial file', () => {
      writeFileSync(target, 'old content');
      // ulimit counts in blocks of 512 or 1024 bytes: at most 8 MB either way.
      const limited = `ulimit -f 8192; exec "$0" "$@"`;
      const args = ['-c', limited, process.execPath, CHILD, target, String(MEGABYTES), source];
      const { stdout, status } = spawnSync('sh', args, { encoding: 'utf8' });
      assert.equal(status, 1, stdout);
      assert.match(stdout, /writing 0\./, 'it should have begun');
      assert.match(stdout, /failed no-space .*out\.safetensors: .* takes no file this large/);
      assert.equal(readFileSync(target, 'utf8'), 'old content');
      assert.equal(readFileSync(source, 'utf8'), 'the original');
      assert.deepEqual(partials(), []);
    });
  }

  async function saveSmall(name: string): Promise<void> {
    const checkpoint = memoryCheckpoint([madeTensor('a', 'F32', [2])], { files: [source] });
    await saveCheckpointWith(checkpoint, new Map(), { target: path.join(folder, name), note: {}, overwrite: true });
  }
});

if (canMount()) {
  describe('a save to a disk of 4 MB', () => {
    let small: string;
    let target: string;
    before(() => {
      small = mkdtempSync(path.join(tmpdir(), 'eigenscope-disk-'));
      execFileSync('mount', tmpfsAt(small));
      target = path.join(small, 'out.safetensors');
    });
    afterEach(() => rmSync(path.join(small, 'filler'), { force: true }));
    after(() => {
      execFileSync('umount', [small]);
      rmSync(small, { recursive: true });
    });

    it('that is too small from the start is refused before anything is written, with the size that is missing', async () => {
      writeFileSync(target, 'old content');
      const tensors = [madeTensor('large', 'F32', [2048, 1024])];
      let read = false;
      const checkpoint = { ...memoryCheckpoint(tensors), read: () => Promise.reject(new Error(String((read = true)))) };
      await assert.rejects(
        saveCheckpointWith(checkpoint, new Map(), { target, note: {}, overwrite: true }),
        (error) => {
          assert.ok(error instanceof CompressionError && error.code === 'no-space');
          const [, needs, free, missing] = /needs ([\d.]+) MB, but .* has ([\d.]+) MB free; free ([\d.]+) MB/.exec(
            error.message,
          )!;
          assert.ok(Math.abs(Number(needs) - Number(free) - Number(missing)) < 0.3, error.message);
          return true;
        },
      );
      assert.equal(read, false);
      assert.deepEqual(readdirSync(small), ['out.safetensors']);
      assert.equal(readFileSync(target, 'utf8'), 'old content');
    });

    it('that fills up meanwhile: a message, the old target, the space of the partial file given back', async () => {
      writeFileSync(target, 'old content');
      const filler = path.join(small, 'filler');
      const band = new Uint8Array(512 * 1024);
      const saving = writeAtomically(
        target,
        { size: 4 * band.length, protect: [], overwrite: true },
        async (append) => {
          await append(band);
          const { bavail, bsize } = statfsSync(small);
          writeFileSync(filler, new Uint8Array(bavail * bsize - band.length));
          for (let i = 0; i < 3; i++) await append(band);
        },
      );
      await assert.rejects(saving, (error) => {
        assert.ok(error instanceof CompressionError && error.code === 'no-space', String(error));
        assert.match(error.message, /out\.safetensors: the disk .* is full; free space there or save elsewhere/);
        return true;
      });
      assert.deepEqual(readdirSync(small).sort(), ['filler', 'out.safetensors']);
      assert.equal(readFileSync(target, 'utf8'), 'old content');
    });
  });
} else {
  console.log('    No small disk could be mounted (that needs root): saving to a really full one is not tried here.');
}

function tmpfsAt(mountPoint: string): string[] {
  return ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mountPoint];
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const mountPoint = mkdtempSync(path.join(tmpdir(), 'eigenscope-disk-'));
  const mounted = spawnSync('mount', tmpfsAt(mountPoint)).status === 0;
  if (mounted) execFileSync('umount', [mountPoint]);
  rmSync(mountPoint, { recursive: true });
  return mounted;
}
