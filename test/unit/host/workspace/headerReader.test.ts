import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { HeaderReader, HeaderReaderDiedError } from '../../../../extension/host/workspace/headerReader';
import { IndexedFiles } from '../../../../extension/host/workspace/indexedFiles';
import { Quarantine } from '../../../../extension/host/quarantine';
import { unpackSummary } from '../../../../extension/shared/packedTensors';
import { eventually } from '../../../harness/eventually';
import { uniform, writeSafetensors } from '../../../harness/checkpoints/madeCheckpoints';
import { repositoryRoot } from '../../../harness/shared';

const FAKE = path.join(repositoryRoot, 'dist/test/harness/fakes/fakeHeaders.main.js');
const REAL = path.join(repositoryRoot, 'dist/headers.js');

/** What VS Code keeps of a workspace. */
class Store {
  readonly values = new Map<string, unknown>();
  get(key: string): unknown {
    return this.values.get(key);
  }
  update(key: string, value: unknown): Promise<void> {
    this.values.set(key, structuredClone(value));
    return Promise.resolve();
  }
}

describe('header reader', () => {
  let folder: string;
  let reader: HeaderReader;
  beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'eigenscope-headers-'))));
  afterEach(() => {
    reader.dispose();
    rmSync(folder, { recursive: true });
  });
  const make = (...names: string[]): string[] =>
    names.map((name) => {
      writeFileSync(path.join(folder, name), name);
      return path.join(folder, name);
    });

  it('reads a checkpoint in a process of its own, and says what is none', async () => {
    reader = new HeaderReader(REAL);
    const file = path.join(folder, 'a.safetensors');
    writeSafetensors(file, [{ name: 'fc.weight', shape: [2, 3], values: uniform(6, 1) }]);
    const { tensors } = unpackSummary(await reader.read(file));
    assert.deepEqual(
      tensors.map(({ name, shape }) => ({ name, shape })),
      [{ name: 'fc.weight', shape: [2, 3] }],
    );
    await assert.rejects(reader.read(make('b.safetensors')[0]!), /b\.safetensors/);
    assert.equal(reader.started, 1);
  });

  it('ends by itself beyond its memory, and says so', async () => {
    const hog = path.join(folder, 'hog.js');
    writeFileSync(
      hog,
      'if (process.send) setTimeout(() => { const b = Buffer.alloc(700e6, 1); for (;;) b[0]++; }, 300);',
    );
    const { NODE_OPTIONS: before } = process.env;
    process.env.NODE_OPTIONS = `--require ${hog}`;
    try {
      reader = new HeaderReader(REAL);
      const absent = path.join(folder, 'absent.pt');
      // Refused at once, until the process is too busy with filling its memory to answer.
      const death = await eventually(
        () => reader.read(absent).catch((error: unknown) => error),
        (error) => error instanceof HeaderReaderDiedError,
      );
      assert.match(String(death), /SIGKILL.*512 MB/s);
    } finally {
      if (before === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = before;
    }
  });

  it('gives up a file that takes too long, and goes on with the next', async () => {
    reader = new HeaderReader(FAKE, 1500);
    const [hang, ok] = make('hang.pt', 'ok.pt') as [string, string];
    const reads = [reader.read(hang), reader.read(ok)] as const;
    await assert.rejects(reads[0], HeaderReaderDiedError);
    assert.equal((await reads[1]).tensors.kindOf.length, 1);
    assert.equal(reader.started, 2);
  });

  describe('for the index', () => {
    let log: string[];
    const files = (store = new Store()): IndexedFiles => {
      log = [];
      reader = new HeaderReader(FAKE, 1500);
      const lines = { debug: () => undefined, warn: (message: string) => log.push(message) };
      return new IndexedFiles(reader, new Quarantine(store, 'q'), lines);
    };
    const knows = (indexed: IndexedFiles, name: string): boolean => indexed.index.find(`${name}.fc`).length > 0;

    it('never reads again what a process died of, in this window or the next, until it changes', async () => {
      const store = new Store();
      const made = make('die1.pt', 'ok1.pt', 'other.pt');
      let indexed = files(store);
      await indexed.readNew(made);
      assert.ok(knows(indexed, 'ok1.pt'), 'the others are known');
      assert.match(log.join('\n'), /die1\.pt is left out of hovers until it changes: .*SIGABRT/);
      for (let turn = 0; turn < 3; turn++) {
        await indexed.review(undefined, made, true);
        await indexed.readNew(made);
      }
      assert.equal(reader.started, 2, 'one process died, the next one lives');
      indexed.dispose();
      indexed = files(store);
      await indexed.readNew(made);
      assert.equal(reader.started, 1, 'no process died in the next window');
      utimesSync(made[0]!, 1, 1);
      await indexed.review([made[0]!], made, true);
      await indexed.readNew(made);
      assert.equal(reader.started, 1);
      assert.equal(log.length, 1, 'read once more as another file');
    });

    it('stops where a folder has more and more of them', async () => {
      const indexed = files();
      await indexed.readNew(make(...Array.from({ length: 30 }, (_, index) => `die${index}.pt`)));
      assert.equal(reader.started, 5);
      assert.match(log.at(-1)!, /reads no more headers/);
    });

    it('reads a limited number of files that are none in a pass, the likeliest checkpoints first', async () => {
      const indexed = files();
      const names = Array.from({ length: 300 }, (_, index) => `a${index}.bin`);
      let asked = 0;
      const read = reader.read.bind(reader);
      reader.read = (file) => {
        asked += 1;
        return read(file);
      };
      const made = make(...names, 'ok.safetensors', 'ok.npy');
      await indexed.readNew(made);
      assert.ok(asked < 150, `${asked} files`);
      assert.ok(knows(indexed, 'ok.safetensors'));
      await indexed.review(undefined, made, true);
      const before = asked;
      await indexed.readNew(made.slice(0, 100));
      assert.equal(asked, before, 'none is read twice');
    });

    it('forgets what is gone, and knows what changed as it was until it is read anew', async () => {
      const indexed = files();
      const [kept, gone] = make('ok1.pt', 'ok2.pt') as [string, string];
      await indexed.readNew([kept, gone]);
      writeFileSync(kept, 'changed');
      rmSync(gone);
      await indexed.review([kept, gone], [kept], true);
      assert.deepEqual([knows(indexed, 'ok1.pt'), knows(indexed, 'ok2.pt')], [true, false]);
      await indexed.readNew([kept]);
      assert.ok(knows(indexed, 'ok1.pt'));
    });
  });
});
