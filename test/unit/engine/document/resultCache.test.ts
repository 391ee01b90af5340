import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
} from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DEFAULT_FARMS } from '../../../../extension/engine/terminal/cliArguments';
import { ResultCache, type ResultKey } from '../../../../extension/engine/document/resultCache';
import type { LayerOutcome } from '../../../../extension/engine/worker/layerRecords';

const DAY_MS = 24 * 3600 * 1000;

const settings = { farms: DEFAULT_FARMS };
const identity = '0123456789abcdef'.repeat(2);
const key: ResultKey = { identity, layer: 'w', settings, exactness: 'held', probe: Buffer.from([1, 2]) };
const outcome: LayerOutcome = {
  result: {
    name: 'w',
    tensor: 'w',
    shape: [2, 2],
    dtype: 'F32',
    matrices: 1,
    metrics: { alpha: 2.5, D: null },
    fits: {},
    farms: null,
    ranks: {},
    statistics: null,
    problems: [],
  },
  eigenvalues: new Float64Array([1, 2]),
  farmsEigenvalues: new Float64Array(0),
  rankEigenvalues: new Float64Array([1, 2]),
};

describe('result cache', () => {
  let folder: string;
  let cache: ResultCache;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'eigenscope-cache-'));
    cache = new ResultCache(folder, 'auto');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** The file of the entry that is put. */
  async function put(changes: Partial<ResultKey> = {}): Promise<string> {
    const place = path.join(folder, changes.identity ?? identity);
    const before = existsSync(place) ? readdirSync(place) : [];
    await cache.put({ ...key, ...changes }, outcome);
    return path.join(
      place,
      readdirSync(place).find((name) => !before.includes(name))!,
    );
  }

  it('gives back what was put, typed arrays and all, to another instance too', async () => {
    await put();
    assert.deepEqual(await new ResultCache(folder, 'auto').get(key), outcome);
  });

  it('knows nothing of a result from before a number was added', async () => {
    const older = new ResultCache(folder, 'auto', ['alpha']);
    await older.put(key, outcome);
    assert.deepEqual(await older.get(key), outcome);
    assert.equal(await new ResultCache(folder, 'auto', ['alpha', 'D']).get(key), undefined);
    assert.equal(await cache.get(key), undefined);
  });

  it('knows nothing of other layers, checkpoints, settings, contents, devices or ways of computing', async () => {
    await put();
    const others: Partial<ResultKey>[] = [
      { layer: 'v' },
      { identity: 'f'.repeat(32) },
      { settings: { farms: { ...settings.farms, rows: 100 } } },
      { exactness: 'streamed' },
      { probe: Buffer.from([1, 3]) },
    ];
    for (const other of others) assert.equal(await cache.get({ ...key, ...other }), undefined, JSON.stringify(other));
    assert.equal(await new ResultCache(folder, 'cpu').get(key), undefined);
  });

  it('does not trust a damaged entry, wherever the damage is', async () => {
    const file = await put();
    const whole = await readFile(file);
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x40;
      await writeFile(file, damaged);
      assert.equal(await cache.get(key), undefined, `byte ${at}`);
    }
    for (const length of [0, 10, 32, whole.length - 1]) {
      await writeFile(file, whole.subarray(0, length));
      assert.equal(await cache.get(key), undefined, `${length} bytes`);
    }
  });

  it('does not trust an entry under another’s name, of the same checkpoint or another', async () => {
    const own = await put();
    const layer = await put({ layer: 'v' });
    copyFileSync(layer, own);
    assert.equal(await cache.get(key), undefined);
    const model = await put({ identity: 'f'.repeat(32) });
    copyFileSync(model, own);
    assert.equal(await cache.get(key), undefined);
  });

  if (process.platform !== 'win32') {
    it('reads neither pipes nor links, and no file that is larger than an entry', async () => {
      const file = await put();
      const entry = await readFile(file);
      const elsewhere = path.join(folder, 'elsewhere');
      await writeFile(elsewhere, entry);
      await rm(file);
      symlinkSync(elsewhere, file);
      assert.equal(await cache.get(key), undefined, 'a link to a sound entry');
      await rm(file);
      execFileSync('mkfifo', [file]);
      assert.equal(await cache.get(key), undefined, 'a pipe without a writer');
      await rm(file);
      await writeFile(file, entry);
      truncateSync(file, 2 ** 40);
      assert.equal(await cache.get(key), undefined, 'a terabyte');
      mkdirSync(path.join(folder, 'pipe'));
      await rm(file);
      mkdirSync(file);
      assert.equal(await cache.get(key), undefined, 'a folder');
    });

    it('is the person’s alone', async () => {
      const file = await put();
      assert.equal(statSync(file).mode & 0o077, 0);
      assert.equal(statSync(path.dirname(file)).mode & 0o077, 0);
    });
  }

  it('leaves no partial file behind and throws where the folder cannot be written', async () => {
    const blocked = path.join(folder, 'file');
    await writeFile(blocked, '');
    await assert.rejects(new ResultCache(blocked, 'auto').put(key, outcome));
    // Where Node's own recursive mkdir goes on for ever.
    if (process.platform === 'linux') await assert.rejects(new ResultCache('/proc/none/a', 'auto').put(key, outcome));
    await put();
    assert.equal((await readdir(path.join(folder, identity))).length, 1);
  });

  it('keeps nothing without a folder', async () => {
    const none = new ResultCache(undefined, 'auto');
    await none.put(key, outcome);
    assert.equal(await none.get(key), undefined);
    await none.prune();
  });

  describe('cut back', () => {
    const age = (file: string, days: number): void => {
      const then = new Date(Date.now() - days * DAY_MS);
      utimesSync(file, then, then);
    };

    it('loses what was not used for long, and what a killed process left', async () => {
      const [old, recent] = [await put(), await put({ layer: 'v' })];
      const [left, written] = [`${recent}.0123456789ab`, `${recent}.ba9876543210`];
      for (const file of [left, written]) await writeFile(file, 'partial');
      age(old, 100);
      age(recent, 10);
      age(left, 1);
      await cache.prune();
      assert.deepEqual([old, recent, left, written].map(existsSync), [false, true, false, true]);
      assert.deepEqual(await cache.get({ ...key, layer: 'v' }), outcome);
    });

    it('loses the least recently used entries beyond its size', async () => {
      const files = [await put(), await put({ layer: 'v' }), await put({ layer: 'u' })];
      files.forEach((file, days) => {
        truncateSync(file, 500 * 1024 * 1024);
        age(file, days);
      });
      await cache.prune();
      assert.deepEqual(files.map(existsSync), [true, true, false]);
    });

    it('touches nothing that it did not write, and follows no link', async () => {
      const entry = await put();
      const outside = await mkdtemp(path.join(tmpdir(), 'eigenscope-outside-'));
      try {
        const strangers = [
          path.join(folder, 'thesis.layer'),
          path.join(folder, identity, 'notes.txt'),
          path.join(outside, path.basename(entry)),
        ];
        for (const file of strangers) await writeFile(file, 'mine');
        for (const file of strangers) age(file, 1000);
        symlinkSync(outside, path.join(folder, 'e'.repeat(32)), 'junction');
        await cache.prune();
        assert.deepEqual(strangers.map(existsSync), [true, true, true]);
      } finally {
        await rm(outside, { recursive: true });
      }
    });

    it('happens once an hour, whoever asks, and leaves no empty folder', async () => {
      const old = await put();
      age(old, 100);
      await cache.prune();
      assert.equal(existsSync(path.dirname(old)), false);
      const again = await put();
      age(again, 100);
      await new ResultCache(folder, 'cpu').prune();
      assert.equal(existsSync(again), true);
      age(path.join(folder, 'pruned'), 1);
      await new ResultCache(folder, 'cpu').prune();
      assert.equal(existsSync(again), false);
    });

    it('goes well beside processes that write and cut back', async () => {
      await put();
      const mark = path.join(folder, 'pruned');
      const writing = Array.from({ length: 200 }, async (_, index) => {
        await cache.put({ ...key, identity: index.toString(16).padStart(32, '0') }, outcome);
      });
      const pruning = Array.from({ length: 20 }, async () => {
        await rm(mark, { force: true });
        await new ResultCache(folder, 'auto').prune();
      });
      await Promise.all([...writing, ...pruning]);
      for (let index = 0; index < 200; index++) {
        assert.ok(await cache.get({ ...key, identity: index.toString(16).padStart(32, '0') }), String(index));
      }
    });
  });
});
