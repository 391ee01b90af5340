import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileError, FileReader } from '../../../../extension/checkpoint/files/fileReader';
import { FileSet } from '../../../../extension/checkpoint/files/fileSet';
import { temporaryFolder } from '../../../harness/temporaryFolder';

describe('reading a file by position', () => {
  const folder = temporaryFolder();
  let count = 0;

  function made(content: Uint8Array | string = Uint8Array.from({ length: 100 }, (_, i) => i)): string {
    const file = path.join(folder, `file${count++}`);
    writeFileSync(file, content);
    return file;
  }

  it('gives exactly the bytes asked for, in a buffer of their own', async () => {
    const reader = await FileReader.open(made());
    const bytes = await reader.read(10, 3);
    assert.deepEqual([...bytes], [10, 11, 12]);
    assert.equal(bytes.buffer.byteLength, 3);
    assert.equal((await reader.read(100, 0)).length, 0);
    await reader.close();
  });

  it('says where a range leaves the file', async () => {
    const file = made();
    const reader = await FileReader.open(file);
    await assert.rejects(reader.read(90, 11), {
      code: 'truncated',
      where: { file, offset: 90 },
      message: /byte 100.*byte 101/,
    });
    await reader.close();
  });

  it('refuses numbers that are no positions', async () => {
    const reader = await FileReader.open(made());
    for (const [offset, length] of [
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, NaN],
      [2 ** 60, 1],
      [0, Infinity],
    ] as const) {
      await assert.rejects(reader.read(offset, length), { code: 'malformed' });
    }
    await reader.close();
  });

  it('stops when it is told to', async () => {
    const reader = await FileReader.open(made());
    await assert.rejects(reader.read(0, 10, AbortSignal.abort()), { name: 'AbortError' });
    await reader.close();
  });

  it('notices a file that grew, was replaced, touched, or removed', async () => {
    const changes: [string, (file: string) => void][] = [
      ['grew', (file) => appendFileSync(file, 'x')],
      ['replaced', (file) => renameSync(made('other'), file)],
      ['touched', (file) => utimesSync(file, 1, 1)],
      [
        'written to, and its time put back',
        (file) => {
          const { atime, mtime } = statSync(file);
          writeFileSync(file, new Uint8Array(100));
          utimesSync(file, atime, mtime);
        },
      ],
      ['removed', (file) => rmSync(file)],
    ];
    for (const [name, change] of changes) {
      const file = made();
      const reader = await FileReader.open(file);
      await reader.assertUnchanged();
      change(file);
      await assert.rejects(reader.assertUnchanged(), { code: 'changed' }, name);
      await reader.close();
    }
  });

  it('notices that the file became shorter under a read', async () => {
    const file = made();
    const reader = await FileReader.open(file);
    truncateSync(file, 20);
    await assert.rejects(reader.read(10, 20), { code: 'changed', where: { file, offset: 20 } });
    await reader.close();
  });

  it('opens regular files only, and says what else it met', async () => {
    const sub = path.join(folder, 'sub');
    mkdirSync(sub);
    await assert.rejects(FileReader.open(sub), { code: 'unsupported' });
    await assert.rejects(FileReader.open(path.join(folder, 'nothing')), { code: 'not-found' });
    await assert.rejects(FileReader.open(path.join(made(), 'below-a-file')), { code: 'not-found' });
  });

  // Windows has no named pipes in its file system.
  if (process.platform !== 'win32') {
    it('does not wait for the writer of a named pipe', async () => {
      const pipe = path.join(folder, 'pipe');
      execFileSync('mkfifo', [pipe]);
      await assert.rejects(FileReader.open(pipe), { code: 'unsupported' });
    });
  }

  it('does not read after it was closed', async () => {
    const reader = await FileReader.open(made());
    await reader.close();
    await reader.close();
    await assert.rejects(reader.read(0, 1), { code: 'io', message: /closed/ });
  });

  it('tells refused permission from other failures', () => {
    const refused = Object.assign(new Error('no'), { code: 'EACCES' });
    assert.equal(fileError(refused, 'f').code, 'permission');
    const failed = fileError(Object.assign(new Error('disk on fire'), { code: 'EIO' }), 'f', 7);
    assert.equal(failed.code, 'io');
    assert.match(failed.message, /f, byte 7: .*disk on fire/);
  });
});

describe('the files of one checkpoint', () => {
  const folder = temporaryFolder();
  const names = Array.from({ length: 12 }, (_, i) => path.join(folder, `shard${i}`));
  before(() => names.forEach((name, i) => writeFileSync(name, Uint8Array.of(i))));

  it('keeps few handles however many files are used', async () => {
    const files = new FileSet(3);
    for (let round = 0; round < 2; round++) {
      for (const [i, name] of names.entries()) {
        assert.deepEqual([...(await files.use(name, (reader) => reader.read(0, 1)))], [i]);
        assert.ok(files.openFiles <= 3);
      }
    }
    await files.close();
    assert.equal(files.openFiles, 0);
  });

  it('serves uses at the same time, and closes none that is in use', async () => {
    const files = new FileSet(2);
    const values = await Promise.all(
      [...names, ...names].map((name) =>
        files.use(name, async (reader) => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          return (await reader.read(0, 1))[0];
        }),
      ),
    );
    assert.deepEqual(values, [...names.keys(), ...names.keys()]);
    assert.ok(files.openFiles <= 2);
    await files.close();
  });

  it('notices a file that was replaced while its handle was closed', async () => {
    const files = new FileSet(1);
    const [first, second] = [path.join(folder, 'first'), path.join(folder, 'second')];
    writeFileSync(first, 'one');
    writeFileSync(second, 'two');
    const read = (file: string): Promise<Uint8Array> => files.use(file, (reader) => reader.read(0, 3));
    await read(first);
    await read(second);
    writeFileSync(first, 'three');
    await assert.rejects(read(first), { code: 'changed' });
    await assert.rejects(read(first), { code: 'changed' });
    await read(second);
    await files.close();
  });

  it('notices a file that changes while it is read', async () => {
    const files = new FileSet();
    const file = path.join(folder, 'rewritten');
    writeFileSync(file, 'before');
    await assert.rejects(
      files.use(file, (reader) => {
        writeFileSync(file, 'afterwards');
        return reader.read(0, 6);
      }),
      { code: 'changed' },
    );
    await files.close();
  });

  it('tries a file again that could not be opened', async () => {
    const files = new FileSet();
    const late = path.join(folder, 'late');
    await assert.rejects(
      files.use(late, (reader) => reader.read(0, 1)),
      { code: 'not-found' },
    );
    assert.equal(files.openFiles, 0);
    writeFileSync(late, 'x');
    assert.equal((await files.use(late, (reader) => reader.read(0, 1))).length, 1);
    await files.close();
  });

  it('opens nothing after it was closed', async () => {
    const files = new FileSet();
    await files.close();
    await assert.rejects(
      files.use(names[0]!, (reader) => reader.read(0, 1)),
      { code: 'io' },
    );
    assert.equal(files.openFiles, 0);
  });
});
