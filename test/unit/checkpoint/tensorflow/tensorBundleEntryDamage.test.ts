/** TensorFlow checkpoints whose entries lie: headers, sizes, shapes, slices and the graph of objects. */
import assert from 'node:assert/strict';
import {
  bytesField,
  concat,
  entryBytes,
  headerEntry,
  lyingField,
  objectGraph,
  ramp,
  sliceKey,
  tableBytes,
  textBytes,
  TF,
  varint,
  varintField,
  type TableEntry,
} from '../../../harness/checkpoints/tensorBundleWriter';
import { damagedBundles, HUGE, key, w } from '../../../harness/checkpoints/damagedBundles';

describe('TensorFlow checkpoints with entries that lie', () => {
  const { save, resultOf, result, entries, value, sound } = damagedBundles();

  it('need a header, of a version that is known', async () => {
    assert.equal(await result([{ entries: [w] }]), 'malformed');
    assert.equal(await result([{ entries: [headerEntry({ minConsumer: 2 }), w] }]), 'unsupported');
    assert.equal(await result([{ entries: [{ key: key(''), value: Buffer.of(0xff) }, w] }]), 'malformed');
    assert.equal(
      await result([{ entries: [{ key: key(''), value: lyingField(3, 100, Buffer.alloc(1)) }, w] }]),
      'malformed',
    );
  });

  it('do not believe the number of data files', async () => {
    for (const shards of HUGE) {
      const found = await result([{ entries: [headerEntry({ shards }), w] }]);
      if (shards > 2n ** 53n - 1n) assert.equal(found, 'malformed', String(shards));
      else assert.deepEqual(found, { shown: ['w (missing-shard)'], problems: ['missing-shard'] }, String(shards));
    }
    assert.deepEqual(await result([{ entries: [headerEntry({ shards: 0 }), w] }]), {
      shown: ['w (malformed)'],
      problems: ['w: malformed'],
    });
    const many = Array.from({ length: 10_001 }, (_, i): TableEntry => ({
      key: key(`w${i}`),
      value: entryBytes({ shard: i }),
    }));
    assert.equal(await result([{ entries: [headerEntry({ shards: 20_000 }), ...many] }]), 'limit');
  });

  it('do not believe sizes and places of tensors', async () => {
    const fields = { shape: [2, 2], size: 16 };
    for (const number of [...HUGE, 17n]) {
      const exact = number < 2n ** 53n;
      for (const [name, changed, code] of [
        ['offset', { ...fields, offset: number }, exact ? 'truncated' : 'malformed'],
        ['size', { ...fields, size: number }, 'malformed'],
        ['shard', { ...fields, shard: number }, 'malformed'],
      ] as const) {
        const found = await entries(w, value(entryBytes(changed)));
        const shown = exact ? ['w', `x (${code})`] : ['w'];
        assert.deepEqual(found, { shown, problems: [`x: ${code}`] }, `${name} ${number}`);
      }
    }
  });

  it('do not believe shapes', async () => {
    for (const shape of [
      [-1],
      [2n ** 63n],
      [2n ** 52n, 2n ** 52n],
      Array<number>(65).fill(1),
      Array<number>(5000).fill(2),
    ]) {
      const found = await entries(w, value(entryBytes({ shape, size: 16 })));
      assert.deepEqual(found, { shown: ['w'], problems: ['x: malformed'] }, String(shape.slice(0, 3)));
    }
    // 2⁴⁸ elements are a shape, and more than the 16 bytes that there are.
    assert.deepEqual(await entries(w, value(entryBytes({ shape: [2n ** 48n], size: 16 }))), {
      shown: ['w', 'x (malformed)'],
      problems: ['x: malformed'],
    });
    assert.deepEqual(await entries(w, value(entryBytes({ shape: [0, 2n ** 53n - 1n], size: 0 }))), {
      shown: ['w', 'x'],
      problems: [],
    });
    const unknown = concat(varintField(1, 1), bytesField(2, varintField(3, 1)));
    assert.deepEqual(await entries(w, value(unknown)), { shown: ['w'], problems: ['x: malformed'] });
  });

  it('tell of fields of the wrong kind', async () => {
    for (const bytes of [
      bytesField(1, Buffer.alloc(1)),
      varintField(2, 1),
      varintField(6, 1),
      varintField(7, 1),
      lyingField(2, 1000, Buffer.alloc(1)),
      lyingField(2, 2n ** 63n, Buffer.alloc(1)),
      Buffer.alloc(12, 0xff),
      Buffer.of(0),
      Buffer.of(0x0b),
    ]) {
      const found = await entries(w, value(bytes));
      assert.ok(typeof found === 'object', String(bytes));
      assert.deepEqual([found.shown, found.problems.length], [['w'], 1], Buffer.from(bytes).toString('hex'));
    }
  });

  it('show the first of two tensors of one key', async () => {
    assert.deepEqual(await entries(w, { key: key('w'), value: entryBytes({ shape: [1], size: 4 }) }), {
      shown: ['w'],
      problems: ['w: malformed'],
    });
  });

  it('tell of keys of slices that are none', async () => {
    const good = sliceKey('x', [[0, 2]]);
    for (let length = 1; length < good.length; length++) {
      const found = await entries(w, { key: good.subarray(0, length), value: w.value });
      assert.deepEqual((found as { shown: string[] }).shown, ['w'], String(length));
      assert.equal((found as { problems: string[] }).problems.length, 1, String(length));
    }
    for (const tail of [
      '000178000101',
      '00780001020101',
      '0078000101418080',
      '0078000101017f80',
      '0078000101018080ff',
      '00780001010100',
      '007800010101ff80',
    ]) {
      const found = await entries(w, { key: Buffer.from(tail, 'hex'), value: w.value });
      assert.deepEqual(
        [(found as { shown: string[] }).shown, (found as { problems: string[] }).problems.length],
        [['w'], 1],
        tail,
      );
    }
  });

  it('do not join more slices than a tensor was ever cut into', async () => {
    const extents = Array.from({ length: 10_001 }, (_, i) => [[i, 1]] as const);
    const slices = extents.map((extent): TableEntry => ({
      key: sliceKey('x', extent),
      value: entryBytes({ shape: [1], size: 4 }),
    }));
    const found = await entries(w, ...slices, value(entryBytes({ shape: [10_001], slices: extents })));
    assert.deepEqual(found, { shown: ['w', 'x (malformed)'], problems: ['x: malformed'] });
  });

  it('do not believe the graph of objects', async () => {
    const graph = (bytes: Uint8Array): ReturnType<typeof resultOf> => {
      const listed = [
        headerEntry(),
        {
          key: key('_CHECKPOINTABLE_OBJECT_GRAPH'),
          value: entryBytes({ type: TF.STRING, offset: 16, size: bytes.length }),
        },
        w,
      ];
      return resultOf(save(tableBytes([{ entries: listed }]), concat(ramp(4), bytes)));
    };
    assert.deepEqual(await graph(textBytes(objectGraph([{ key: 'w', fullName: 'n' }]))), sound);
    for (const damage of [
      Buffer.alloc(0),
      Buffer.alloc(20, 0xff),
      concat(varint(2n ** 63n), Buffer.alloc(10)),
      textBytes(lyingField(1, 2n ** 40n, Buffer.alloc(3))),
      textBytes(bytesField(1, lyingField(2, 200, Buffer.alloc(3)))),
      textBytes(bytesField(1, bytesField(2, varintField(3, 1)))),
      textBytes(bytesField(1, bytesField(2, bytesField(3, Buffer.alloc(70_000))))),
      textBytes(Buffer.alloc(50, 0x0b)),
    ]) {
      const found = await graph(damage);
      assert.ok(typeof found === 'object');
      assert.deepEqual(
        [found.shown, found.problems.length],
        [['w'], 1],
        Buffer.from(damage.subarray(0, 30)).toString('hex'),
      );
      assert.match(found.problems[0]!, /^_CHECKPOINTABLE_OBJECT_GRAPH: /);
    }
  });
});
