/** TensorFlow checkpoints cut short or changed: an error or the tensors that are there, never a crash. */
import assert from 'node:assert/strict';
import { ftruncateSync, closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { tensorBundleFormat } from '../../../../extension/checkpoint/tensorflow/tensorBundle';
import { nameKeys } from '../../../../extension/checkpoint/tensorflow/tensorBundleNames';
import { Random } from '../../../fuzz/random';
import { mutate } from '../../../fuzz/mutate';
import {
  blockBytes,
  bundle,
  concat,
  entryBytes,
  headerEntry,
  ramp,
  sliceKey,
  tableBytes,
  varint,
  writeBundle,
  type Block,
  type BundleTensor,
  type TableEntry,
} from '../../../harness/checkpoints/tensorBundleWriter';
import { quickly } from '../../../harness/quick';
import { damagedBundles, MILLISECONDS, HUGE, key, w } from '../../../harness/checkpoints/damagedBundles';

describe('damaged TensorFlow checkpoints', () => {
  const { root, save, resultOf, result, entries, sound } = damagedBundles();

  it('are sound before they are damaged', async () => {
    assert.deepEqual(await entries(w), sound);
  });

  it('are refused where the index is cut anywhere', async () => {
    for (const compression of [0, 1]) {
      const file = save(tableBytes([{ entries: [headerEntry(), w], compression }]));
      for (let length = readFileSync(file).length - 1; length > 0; length--) {
        truncateSync(file, length);
        // Below that it has nothing of an index any more.
        const expected = length > 12 ? ['truncated'] : ['truncated', 'unknown-format'];
        assert.ok(expected.includes((await resultOf(file)) as string), String(length));
      }
    }
  });

  it('show their tensors, and tell which are cut, where a data file is cut anywhere', async () => {
    const tensors = ['a', 'b'].map((name): BundleTensor => ({ name, shape: [2], bytes: ramp(2) }));
    const file = writeBundle(path.join(root, 'cut'), 'm', bundle(tensors));
    const data = path.join(root, 'cut', 'm.data-00000-of-00001');
    for (let length = 15; length >= 0; length--) {
      truncateSync(data, length);
      const cut = length >= 8 ? ['b'] : ['a', 'b'];
      assert.deepEqual(await resultOf(file), {
        shown: ['a', 'b'].map((name) => (cut.includes(name) ? `${name} (truncated)` : name)),
        problems: cut.map((name) => `${name}: truncated`),
      });
    }
  });

  it('are told apart from what is no index', async () => {
    assert.equal(await resultOf(save(Buffer.from('a list of pages'.repeat(10)))), 'unknown-format');
    assert.equal(await resultOf(save(Buffer.alloc(48))), 'unknown-format');
    const footer = Buffer.alloc(48);
    footer.set(Buffer.from('57fb808b247547db', 'hex'), 40);
    assert.equal(typeof (await resultOf(save(footer))), 'string');
  });

  it('have a footer that leads into the file', async () => {
    const good = tableBytes([{ entries: [headerEntry(), w] }]);
    for (const handle of [...HUGE, BigInt(good.length - 48), BigInt(good.length)]) {
      for (const pair of [concat(varint(handle), varint(8)), concat(varint(0), varint(handle))]) {
        const footer = Buffer.alloc(48);
        footer.set(concat(varint(0), varint(8), pair));
        footer.set(good.subarray(-8), 40);
        assert.equal(await resultOf(save(concat(good.subarray(0, -48), footer))), 'malformed', String(handle));
      }
    }
    const endless = Buffer.alloc(48, 0xff);
    endless.set(good.subarray(-8), 40);
    assert.equal(await resultOf(save(concat(good.subarray(0, -48), endless))), 'malformed');
  });

  it('show what other blocks list where one is damaged', async () => {
    const a: TableEntry = { ...w, key: key('a') };
    for (const [damage, code] of [
      [{ crc: 7 }, 'corrupt'],
      [{ compression: 2 }, 'unsupported'],
      [{ compression: 1, stored: Buffer.of(200, 1, 0) }, 'corrupt'],
      [{ compression: 1, stored: Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0) }, 'limit'],
      [{ bytes: Buffer.alloc(0) }, 'malformed'],
      [{ bytes: Buffer.of(1, 2, 3) }, 'malformed'],
      [{ bytes: Buffer.of(0, 0, 0, 0, 255, 255, 255, 255) }, 'malformed'],
      [{ bytes: Buffer.of(0, 0, 0, 0, 2, 0, 0, 0) }, 'malformed'],
      [{ bytes: concat(new Uint8Array(12).fill(0xff), blockBytes([])) }, 'malformed'],
    ] as [Partial<Block>, string][]) {
      const found = await result([
        { entries: [headerEntry(), a] },
        { entries: [w], ...damage },
        { entries: [{ ...w, key: key('z') }] },
      ]);
      assert.deepEqual(found, { shown: ['a', 'z'], problems: [code] }, JSON.stringify(damage));
      assert.equal(await result([{ entries: [headerEntry(), w], ...damage }]), code);
      assert.equal(await result([{ entries: [headerEntry(), w] }], { index: { entries: [], ...damage } }), code);
    }
  });

  it('do not believe where blocks are', async () => {
    for (const number of HUGE) {
      assert.equal(await result([{ entries: [headerEntry(), w], offset: number }]), 'malformed', `offset ${number}`);
      assert.equal(await result([{ entries: [headerEntry(), w], size: number }]), 'malformed', `size ${number}`);
    }
    // The same block again and again, the block of blocks itself, a block of nothing.
    const first: Block = { entries: [headerEntry(), w] };
    const again = await result([first, ...Array.from({ length: 1000 }, (): Block => ({ entries: [], offset: 0 }))]);
    assert.deepEqual(again, { shown: ['w'], problems: ['malformed'] });
    const length = tableBytes([first]).length;
    assert.deepEqual(await result([first, { entries: [], offset: length - 48 - 20, size: 10 }]), {
      shown: ['w'],
      problems: ['malformed'],
    });
    assert.equal(await result([{ entries: [headerEntry(), w], size: 0 }]), 'corrupt');
  });

  it('do not believe lengths of keys and values', async () => {
    for (const field of ['shared', 'own', 'length'] as const) {
      for (const number of [...HUGE, 100n]) {
        const found = await entries(w, { key: key('x'), value: new Uint8Array(), [field]: number });
        assert.deepEqual(found, { shown: ['w'], problems: ['malformed'] }, `${field} ${number}`);
      }
    }
  });

  it('do not grow by keys that repeat one another', async () => {
    const long = Buffer.alloc(60_000, 'k');
    const repeated = Array.from({ length: 50_000 }, (): TableEntry => ({
      key: Buffer.alloc(0),
      value: new Uint8Array(),
      shared: 60_000,
      own: 0,
    }));
    const found = await result([{ entries: [headerEntry(), w, { key: long, value: new Uint8Array() }, ...repeated] }]);
    assert.deepEqual((found as { shown: string[] }).shown, ['w']);
    assert.deepEqual(await entries(w, { ...w, key: Buffer.alloc(70_000, 'k') }, { ...w, key: key('z') }), {
      shown: ['w'],
      problems: ['limit'],
    });
  });

  it('are named at once, however many parts their keys have', async () => {
    const deep = (i: number): string => `${'a/'.repeat(8000)}${i}`;
    const slot = `${deep(0)}/.OPTIMIZER_SLOT/${deep(1)}/m/.ATTRIBUTES/VARIABLE_VALUE`;
    const keys = [slot, ...Array.from({ length: 100 }, (_, i) => deep(i))];
    const named = await quickly(MILLISECONDS, () => nameKeys(keys.map((name) => ({ key: name, shape: '2' }))));
    assert.equal(named.at(-1)!.name, deep(99));
  });

  it('have a list of the latest that is searched once', async () => {
    const latest = path.join(root, 'checkpoint');
    writeFileSync(latest, `model_checkpoint_path:${'\n'.repeat(65_000)}`);
    await quickly(MILLISECONDS, () => assert.rejects(tensorBundleFormat.open(latest), { code: 'malformed' }));
  });

  it('do not inflate compressed blocks beyond a limit', async () => {
    // 17 MB of copies of one byte, 64 at a time: three bytes each.
    const size = 17 * 2 ** 20;
    const copies = Buffer.alloc(3 * Math.ceil((size - 1) / 64));
    for (let at = 0; at < copies.length; at += 3) copies.set([(63 << 2) | 2, 1, 0], at);
    const stored = concat(varint(size), [0, 0], copies);
    assert.equal(await result([{ entries: [], compression: 1, stored }]), 'limit');
  });

  it('do not read damaged blocks beyond a limit', async () => {
    // The checksum of each is wrong.
    const damaged = { entries: [], bytes: Buffer.alloc(15_000_000), crc: 1 };
    assert.deepEqual(await result([{ entries: [headerEntry(), w] }, ...new Array<Block>(6).fill(damaged)]), {
      shown: ['w'],
      problems: ['corrupt', 'corrupt', 'limit'],
    });
  });

  it('tell once that there are too many entries', async () => {
    const blocks = ['a', 'b', 'c', 'd', 'e'].map((name): Block => ({
      entries: Array.from({ length: 30_000 }, (_, i) => ({ ...w, key: key(`${name}${String(i).padStart(5, '0')}`) })),
    }));
    const checkpoint = await tensorBundleFormat.open(save(tableBytes([{ entries: [headerEntry()] }, ...blocks])));
    await checkpoint.close();
    assert.deepEqual(
      checkpoint.problems.map(({ code }) => code),
      ['limit'],
    );
    assert.equal(checkpoint.tensors.length, 100_000);
  });

  it('are not read beyond their beginning and end where they are huge', async () => {
    const file = path.join(root, 'huge.index');
    const table = tableBytes([{ entries: [headerEntry(), w] }]);
    writeFileSync(file, table.subarray(0, 40));
    const handle = openSync(file, 'r+');
    ftruncateSync(handle, 2 ** 40);
    writeSync(handle, table.subarray(-48), 0, 48, 2 ** 40 - 48);
    closeSync(handle);
    assert.equal(await resultOf(file), 'corrupt');
  });

  it('give an error or a part of them, whatever is changed in blocks whose checksums are right', async () => {
    const tensors: BundleTensor[] = ['a/kernel', 'b/kernel'].map((name) => ({ name, shape: [2, 2], bytes: ramp(4) }));
    const slices = [[[0, 1], undefined] as const, [[1, 1], undefined] as const];
    const listed: TableEntry[] = [
      headerEntry(),
      ...slices.map((extents, i): TableEntry => {
        return { key: sliceKey('cut', extents), value: entryBytes({ shape: [1, 2], offset: 8 * i, size: 8 }) };
      }),
      ...tensors.map(({ name }): TableEntry => ({ key: key(name), value: entryBytes({ shape: [2, 2], size: 16 }) })),
      { key: key('cut'), value: entryBytes({ shape: [2, 2], slices }) },
    ];
    const bytes = Buffer.from(blockBytes(listed));
    for (let i = 0; i < 150; i++) {
      const mutated = mutate(bytes, new Random(20261125, 'tensorflow block', i)).bytes;
      await resultOf(save(tableBytes([{ entries: listed, bytes: mutated }])));
    }
  });
});
