import assert from 'node:assert/strict';
import { chmodSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { changedFile, settledAt, snapshotFiles, versionOf } from '../../../../extension/engine/document/fileSnapshot';
import { temporaryFolder } from '../../../harness/temporaryFolder';

describe('the state of files', () => {
  const folder = temporaryFolder();

  it('is another one where a file is rewritten with its size and its time of writing kept', async () => {
    const file = path.join(folder, 'kept');
    writeFileSync(file, 'one');
    const { atime, mtime } = statSync(file);
    utimesSync(file, atime, mtime);
    const before = await snapshotFiles([file]);
    assert.equal(await changedFile(before), undefined);
    await new Promise((resolve) => setTimeout(resolve, 30)); // the file system's clock goes in steps
    writeFileSync(file, 'two');
    utimesSync(file, atime, mtime);
    const after = await snapshotFiles([file]);
    assert.deepEqual([after[0]!.size, after[0]!.mtimeMs], [before[0]!.size, before[0]!.mtimeMs]);
    assert.notEqual(versionOf(after), versionOf(before));
    assert.equal((await changedFile(before))?.code, 'changed');
  });

  it('stays what it is while nothing happens to the files', async () => {
    const file = path.join(folder, 'same');
    writeFileSync(file, 'one');
    chmodSync(file, 0o600);
    assert.equal(versionOf(await snapshotFiles([file])), versionOf(await snapshotFiles([file])));
  });

  it('can be told from a later one only when the clock has gone on', () => {
    const state = { file: 'f', size: 1 };
    assert.equal(settledAt([{ ...state, mtimeMs: 1000.5, ctimeMs: 1000.5 }]), 1050.5);
    // Whole seconds, or two of them; a time of writing in the future; and one that was kept while the other tells.
    assert.equal(settledAt([{ ...state, mtimeMs: 4000, ctimeMs: 4000 }]), 6000);
    assert.equal(settledAt([{ ...state, mtimeMs: 4000, ctimeMs: 0 }]), 6000);
    assert.equal(settledAt([{ ...state, mtimeMs: 9e15, ctimeMs: 0 }]), 9e15 + 2000);
    assert.equal(settledAt([{ ...state, mtimeMs: 4000, ctimeMs: 7000.25 }]), 7050.25);
    const two = [1000.5, 3000.5].map((time) => ({ ...state, mtimeMs: time, ctimeMs: time }));
    assert.equal(settledAt(two), 3050.5);
  });
});
