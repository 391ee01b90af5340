import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAtomically, type AtomicWriteOptions } from '../../../extension/compression/atomicFile';
import { CompressionError, type CompressionErrorCode } from '../../../extension/compression/compressionError';
import { newPartialName, partialDone } from '../../../extension/compression/partialFile';

const content = Buffer.from('the new content');

describe('writing a file all or nothing', () => {
  let folder: string;
  let target: string;
  let source: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-atomic-'));
    target = path.join(folder, 'out.safetensors');
    source = path.join(folder, 'source.safetensors');
    writeFileSync(source, 'the original');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const save = (to: string, options: Partial<AtomicWriteOptions> = {}) =>
    writeAtomically(to, { size: content.length, protect: [source], ...options }, (append) => append(content));

  const refused = async (run: Promise<unknown>, code: CompressionErrorCode, message: RegExp) => {
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof CompressionError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      assert.ok(error.toProblem().file !== undefined, 'names the file');
      return true;
    });
    assert.equal(readFileSync(source, 'utf8'), 'the original');
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.endsWith('.partial')),
      [],
    );
  };

  it('writes a new file and leaves nothing else behind', async () => {
    assert.equal(await save(target), target);
    assert.deepEqual(readFileSync(target), content);
    assert.deepEqual(readdirSync(folder).sort(), ['out.safetensors', 'source.safetensors']);
  });

  it('replaces an existing file only when told to, and keeps its permissions', async () => {
    writeFileSync(target, 'old');
    chmodSync(target, 0o600);
    await refused(save(target), 'target-exists', /out\.safetensors: exists already/);
    assert.equal(readFileSync(target, 'utf8'), 'old');
    await save(target, { overwrite: true });
    assert.deepEqual(readFileSync(target), content);
    assert.equal(statSync(target).mode & 0o777, process.platform === 'win32' ? 0o666 : 0o600);
  });

  it('the old content stays readable under the target’s name until the new one is complete', async () => {
    writeFileSync(target, 'old');
    await writeAtomically(target, { size: content.length, protect: [], overwrite: true }, async (append) => {
      await append(content.subarray(0, 5));
      assert.equal(readFileSync(target, 'utf8'), 'old');
      await append(content.subarray(5));
      assert.equal(readFileSync(target, 'utf8'), 'old');
    });
    assert.deepEqual(readFileSync(target), content);
  });

  describe('never writes over the source', () => {
    const overwrite = true;
    it('by its own name', () => refused(save(source, { overwrite }), 'target-is-source', /is part of the checkpoint/));

    it('by a detour through another folder', async () => {
      mkdirSync(path.join(folder, 'sub'));
      await refused(save(`${folder}/sub/../source.safetensors`, { overwrite }), 'target-is-source', /never written to/);
    });

    it('through a symbolic link to the file', async () => {
      symlinkSync(source, target);
      await refused(save(target, { overwrite }), 'target-is-source', /same file as .*source\.safetensors/);
      assert.ok(lstatSync(target).isSymbolicLink());
    });

    it('through a symbolic link to the folder', async () => {
      const alias = path.join(folder, 'alias');
      symlinkSync(folder, alias);
      await refused(save(path.join(alias, 'source.safetensors'), { overwrite }), 'target-is-source', /never written/);
    });

    it('through a hard link', async () => {
      linkSync(source, target);
      await refused(save(target, { overwrite }), 'target-is-source', /same file as .*source\.safetensors/);
      assert.equal(statSync(source).nlink, 2);
    });

    it('when the checkpoint was opened through a link', async () => {
      const opened = path.join(folder, 'opened.safetensors');
      symlinkSync(source, opened);
      await refused(save(source, { overwrite, protect: [opened] }), 'target-is-source', /same file as .*opened/);
    });

    it('where one of several shards is the target', () =>
      refused(
        save(source, { overwrite, protect: [path.join(folder, 'other'), source] }),
        'target-is-source',
        /part of the checkpoint/,
      ));
  });

  it('follows a link to another file and replaces that file, not the link', async () => {
    const real = path.join(folder, 'real.safetensors');
    writeFileSync(real, 'old');
    symlinkSync(real, target);
    assert.equal(await save(target, { overwrite: true }), real);
    assert.ok(lstatSync(target).isSymbolicLink());
    assert.deepEqual(readFileSync(real), content);
  });

  it('refuses folders, links that lead nowhere and folders that do not exist', async () => {
    await refused(save(folder, { overwrite: true }), 'not-a-file', /is a folder/);
    symlinkSync(path.join(folder, 'gone'), target);
    await refused(save(target, { overwrite: true }), 'not-a-file', /leads nowhere/);
    await refused(save(path.join(folder, 'no', 'out')), 'no-folder', /the folder .*no does not exist/);
    await refused(save(path.join(source, 'out')), 'no-folder', /is not a folder/);
  });

  if (process.platform !== 'win32') {
    it('refuses a device', () => refused(save('/dev/null', { overwrite: true }), 'not-a-file', /not a regular file/));
  }

  it('refuses a read-only file', async () => {
    writeFileSync(target, 'old');
    chmodSync(target, 0o444);
    await refused(save(target, { overwrite: true }), 'read-only', /out\.safetensors: is read-only/);
    assert.equal(readFileSync(target, 'utf8'), 'old');
  });

  it('refuses a folder it may not write to', async () => {
    const locked = path.join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    chmodSync(folder, 0o755);
    await asOrdinaryUser(() =>
      refused(save(path.join(locked, 'out.safetensors')), 'read-only', /locked may not be written to; change its/),
    );
  });

  it('says how much space is missing before it writes', async () => {
    let produced = false;
    const huge = writeAtomically(target, { size: 2 ** 52, protect: [] }, () => {
      produced = true;
      return Promise.resolve();
    });
    await refused(huge, 'no-space', /needs 4503599\.7 GB, but .* has .* free; free .* GB there/);
    assert.equal(produced, false);
  });

  for (const [errno, code, message] of [
    ['ENOSPC', 'no-space', /is full; free space there or save elsewhere/],
    ['EDQUOT', 'no-space', /is full/],
    ['EROFS', 'read-only', /may not be written to/],
    ['EIO', 'io', /could not be written \(.*EIO.*\)/],
  ] as const) {
    it(`${errno} while writing: a clear error, the old target, no partial file`, async () => {
      writeFileSync(target, 'old');
      const failing = writeAtomically(target, { size: 100, protect: [], overwrite: true }, async (append) => {
        await append(content);
        throw Object.assign(new Error(`${errno}: it failed, write`), { code: errno, syscall: 'write', errno: -1 });
      });
      await refused(failing, code, message);
      assert.equal(readFileSync(target, 'utf8'), 'old');
    });
  }

  it('names the target once, and the partial file that could not be removed', async () => {
    const failing = writeAtomically(target, { size: 100, protect: [] }, () => {
      const partial = path.join(
        folder,
        readdirSync(folder).find((name) => name.endsWith('.partial'))!,
      );
      rmSync(partial);
      mkdirSync(partial);
      throw Object.assign(new Error('ENOSPC: it failed, write'), { code: 'ENOSPC', syscall: 'write', errno: -1 });
    });
    await assert.rejects(failing, (error: Error) => {
      assert.match(
        error.message,
        /^\S+out\.safetensors: the disk .* \(out\.safetensors\.eigenscope-[\w-]+\.partial could not be/,
      );
      assert.equal(error.message.split(target).length, 2);
      return true;
    });
  });

  const readOnly = readOnlyFileSystem();
  if (readOnly === undefined) {
    console.log('No file system can be mounted here: saving to a read-only one is not tried.');
  } else {
    after(() => {
      spawnSync('umount', [readOnly]);
      rmSync(readOnly, { recursive: true, force: true });
    });

    it('refuses a read-only file system, without a word about a partial file that never was', async () => {
      await refused(save(path.join(readOnly, 'out.safetensors')), 'read-only', /: \S+ may not be written to; [^()]*$/);
    });
  }

  it('an abort between two writes leaves the old target and no partial file', async () => {
    writeFileSync(target, 'old');
    const abort = new AbortController();
    const aborted = writeAtomically(
      target,
      { size: 2 * content.length, protect: [], overwrite: true, signal: abort.signal },
      async (append) => {
        await append(content);
        assert.equal(readdirSync(folder).filter((name) => name.endsWith('.partial')).length, 1);
        abort.abort();
        await append(content);
      },
    );
    await assert.rejects(aborted, { name: 'AbortError' });
    assert.equal(readFileSync(target, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder).sort(), ['out.safetensors', 'source.safetensors']);
  });

  it('an abort during the final check still counts', async () => {
    const abort = new AbortController();
    const aborted = save(target, {
      signal: abort.signal,
      verify: () => {
        abort.abort();
        return Promise.resolve();
      },
    });
    await assert.rejects(aborted, { name: 'AbortError' });
    assert.equal(existsSync(target), false);
  });

  it('content of another size than announced, or that fails the check, never takes the name', async () => {
    await assert.rejects(save(target, { size: 3 }), { code: 'verification' });
    await assert.rejects(
      save(target, {
        verify: () => {
          throw new Error('does not read back');
        },
      }),
      /does not read back/,
    );
    assert.deepEqual(readdirSync(folder), ['source.safetensors']);
  });

  it('a file that somebody else creates meanwhile is not replaced', async () => {
    const raced = writeAtomically(target, { size: content.length, protect: [] }, async (append) => {
      await append(content);
      writeFileSync(target, 'theirs');
    });
    await refused(raced, 'target-exists', /created by somebody else/);
    assert.equal(readFileSync(target, 'utf8'), 'theirs');
  });

  it('clears away partial files of saves that are over, and nothing else', async () => {
    const other = path.join(folder, 'another.safetensors');
    const ours = newPartialName(target);
    const name = (pid: number, machine?: string): string => {
      const made = newPartialName(other);
      partialDone(made);
      const [, start, , place, end] = /^(.*-)([0-9a-f]+)-([0-9a-f]{8})(-[0-9a-f]{16}\.partial)$/.exec(
        path.basename(made),
      )!;
      return `${start!}${pid.toString(16)}-${machine ?? place!}${end!}`;
    };
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const days = (count: number): Date => new Date(Date.now() - count * 86_400_000);
    const files: [name: string, writtenAt: Date, stays: boolean, what: string][] = [
      [path.basename(ours), days(0), true, 'one that this process is writing'],
      [name(process.ppid), days(0), true, 'one of a process that runs'],
      [name(dead), days(0), false, 'one of a process that is gone'],
      [name(process.pid), days(0), false, 'one of a former process of the same number'],
      [name(process.ppid), days(10_000), false, 'one from before the machine was started'],
      [name(dead, '0123abcd'), days(0), true, 'a fresh one of another machine'],
      [name(dead, '0123abcd'), days(2), false, 'an old one of another machine'],
      ['x.eigenscope-0123456789abcdef.partial', days(0), true, 'a fresh one of an earlier version'],
      ['y.eigenscope-0123456789abcdef.partial', days(2), false, 'an old one of an earlier version'],
      ['out.safetensors.partial', days(2), true, 'one of another program'],
    ];
    for (const [file, writtenAt] of files) {
      writeFileSync(path.join(folder, file), 'half a file');
      utimesSync(path.join(folder, file), writtenAt, writtenAt);
    }
    await save(target);
    for (const [file, , stays, what] of files) assert.equal(existsSync(path.join(folder, file)), stays, what);
    partialDone(ours);
    await save(target, { overwrite: true });
    assert.equal(existsSync(ours), false);
  });

  describe('beside a model', () => {
    const overwrite = true;
    const ofModel = true;
    const existing = (name: string, bytes: string | Buffer = '{}'): string => {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      return file;
    };
    const copy = (metadata: Record<string, string>): Buffer => {
      const json = Buffer.from(JSON.stringify({ __metadata__: metadata }));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return Buffer.concat([length, json]);
    };

    for (const name of [
      ...['config.json', 'tokenizer.model', 'model.safetensors.index.json', 'model-00002-of-00002.safetensors'],
      ...['pytorch_model.bin', 'merges.txt', 'README.md', 'modeling.py'],
    ]) {
      it(`replaces no ${name}`, async () => {
        const file = existing(name);
        await refused(save(file, { overwrite, ofModel }), 'target-is-source', /beside the checkpoint.*may belong/);
        assert.equal(readFileSync(file, 'utf8'), '{}');
      });
    }

    it('replaces what it saved itself, and what lies elsewhere', async () => {
      await save(existing('saved.safetensors', copy({ eigenscope: '{}' })), { overwrite, ofModel });
      await save(existing('elsewhere/config.json'), { overwrite, ofModel });
      const foreign = existing('foreign.safetensors', copy({ format: 'pt' }));
      await refused(save(foreign, { overwrite, ofModel }), 'target-is-source', /not saved by Eigenscope/);
    });

    it('replaces nothing of the pipeline that the model is a part of', async () => {
      const unet = existing('pipe/unet/model.safetensors');
      const root = existing('pipe/model_index.json');
      for (const file of [root, existing('pipe/vae/model.safetensors')]) {
        await refused(save(file, { overwrite, ofModel, protect: [unet] }), 'target-is-source', /may belong/);
      }
    });

    it('replaces nothing through a link that lies beside it', async () => {
      const blob = existing('blobs/1234');
      const link = path.join(folder, 'config.json');
      symlinkSync(blob, link);
      await refused(save(link, { overwrite, ofModel }), 'target-is-source', /may belong/);
    });
  });

  it('takes the longest names a file system takes', async () => {
    const long = path.join(folder, `${'n'.repeat(243)}.safetensors`);
    await save(long);
    assert.deepEqual(readFileSync(long), content);
  });
});

/** An empty read-only folder, where this process may mount one. */
function readOnlyFileSystem(): string | undefined {
  if (process.platform !== 'linux' || process.geteuid?.() !== 0) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'eigenscope-read-only-'));
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', folder]).status === 0 ? folder : undefined;
}

/** Runs as a user without special rights where the tests themselves run as root, whom permissions do not stop. */
async function asOrdinaryUser(run: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0;
  const nobody = 65534;
  if (root) process.seteuid!(nobody);
  try {
    await run();
  } finally {
    if (root) process.seteuid!(0);
  }
}
