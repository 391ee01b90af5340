import assert from 'node:assert/strict';
import { ftruncateSync, openSync, closeSync, truncateSync, writeFileSync } from 'node:fs';
import { ggufFormat } from '../../../../extension/checkpoint/gguf/gguf';
import {
  floats,
  floatTensor,
  ggufFiles,
  GgufWriter,
  VALUE,
  type GgufFile,
} from '../../../harness/checkpoints/ggufWriter';

const writer = new GgufWriter();
const { ARRAY, TEXT } = VALUE;

describe('damaged GGUF', () => {
  const { save, opened, outcome } = ggufFiles();

  /** The error's code, or what is shown and told. How long that may take the fuzzer's worker watches. */
  async function result(file: GgufFile | Uint8Array): Promise<unknown> {
    const bytes = file instanceof Uint8Array ? file : writer.file(file);
    return outcome(bytes).catch((error: unknown) => {
      assert.equal((error as Error).name, 'CheckpointError', String((error as Error).stack));
      return (error as { code: string }).code;
    });
  }

  const w = floatTensor('w', [2, 2]);
  const sound = { shown: ['w'], problems: [] };

  it('refuses a file that is cut anywhere in its header, and shows what is whole where it is cut later', async () => {
    const pairs = [
      writer.pair('general.architecture', TEXT, 'llama'),
      { key: 'tokens', type: ARRAY, value: writer.array(TEXT, [writer.text('a'), writer.text('b')]) },
      { key: 'scores', type: ARRAY, value: writer.array(VALUE.F32, [floats(200)], 200) },
    ];
    const bytes = writer.file({ pairs, tensors: [floatTensor('w', [4, 2]), floatTensor('v', [4, 2])] });
    const data = bytes.length - 64;
    const file = save(bytes);
    for (let length = bytes.length - 1; length >= 0; length--) {
      truncateSync(file, length);
      const checkpoint = await ggufFormat.open(file).catch((error: unknown) => (error as { code: string }).code);
      if (typeof checkpoint === 'string') {
        // The last bytes before the data are padding.
        assert.ok(length < data, `${length} of ${bytes.length}: ${checkpoint}`);
        assert.equal(checkpoint, 'truncated', String(length));
        continue;
      }
      await checkpoint.close();
      assert.ok(length > data - 32, String(length));
      assert.equal(checkpoint.tensors.length, length >= data + 32 ? 1 : 0, String(length));
      assert.ok(checkpoint.problems.every(({ code }) => code === 'truncated'));
    }
  });

  it('does not believe counts', async () => {
    for (const count of [2n ** 63n, 2n ** 64n - 1n, 10n ** 9n]) {
      assert.equal(await result({ tensors: [w], pairCount: count }), 'truncated', `${count} pairs`);
      assert.equal(await result({ tensors: [w], tensorCount: count }), 'truncated', `${count} tensors`);
    }
    assert.deepEqual(await result({ tensors: [w], tensorCount: 0 }), { shown: [], problems: [] });
    // What follows is taken for what was promised, until it cannot be.
    assert.equal(typeof (await result({ tensors: [w], tensorCount: 3 })), 'string');
  });

  it('does not believe counts that a large file could hold', async () => {
    const sparse = (file: GgufFile): string => {
      const place = save(writer.file(file));
      const handle = openSync(place, 'r+');
      ftruncateSync(handle, 2 ** 36);
      closeSync(handle);
      return place;
    };
    await assert.rejects(ggufFormat.open(sparse({ tensorCount: 10n ** 9n })), { code: 'limit', message: /1000000000/ });
    await assert.rejects(ggufFormat.open(sparse({ pairCount: 10n ** 9n })), { code: 'limit' });
    const words = (length: bigint): GgufFile => ({
      pairs: [{ key: 'tokens', type: ARRAY, value: writer.array(TEXT, [], length) }],
    });
    // Empty words without end: the header's own limit.
    await assert.rejects(ggufFormat.open(sparse(words(2n ** 40n))), { code: 'limit', message: /longer than/ });
  });

  it('does not believe lengths of texts and arrays', async () => {
    for (const length of [2n ** 40n, 2n ** 63n, 2n ** 64n - 1n, 200]) {
      const key = Buffer.concat([writer.integer(length, 8), Buffer.from('k')]);
      const head = Buffer.concat([
        Buffer.from('GGUF'),
        writer.integer(3, 4),
        writer.integer(0, 8),
        writer.integer(1, 8),
      ]);
      assert.equal(await result(Buffer.concat([head, key, Buffer.alloc(60)])), 'truncated', `key of ${length}`);
      const text = writer.integer(length, 8);
      assert.equal(await result({ pairs: [{ key: 'k', type: TEXT, value: text }] }), 'truncated', `text of ${length}`);
      for (const type of [TEXT, VALUE.U8, VALUE.F64]) {
        const value = writer.array(type, [], length);
        assert.equal(await result({ pairs: [{ key: 'k', type: ARRAY, value }] }), 'truncated', `array of ${length}`);
      }
    }
  });

  it('ends arrays in arrays in arrays', async () => {
    let deep: Buffer = writer.array(VALUE.U8, [Buffer.of(1)]);
    for (let i = 0; i < 1000; i++) deep = writer.array(ARRAY, [deep]);
    assert.equal(await result({ pairs: [{ key: 'k', type: ARRAY, value: deep }] }), 'limit');
    const many = writer.array(ARRAY, new Array<Buffer>(60_000).fill(writer.array(VALUE.U8, [])));
    const pairs = ['k', 'l'].map((key) => ({ key, type: ARRAY, value: many }));
    assert.deepEqual(await result({ pairs: pairs.slice(1) }), { problems: [], shown: [] });
    assert.equal(await result({ pairs }), 'limit');
    const wide = writer.array(
      ARRAY,
      Array.from({ length: 200_000 }, () => writer.array(VALUE.U8, [])),
    );
    assert.equal(await result({ pairs: [{ key: 'k', type: ARRAY, value: wide }] }), 'limit');
  });

  it('cannot go on behind a value of an unknown type', async () => {
    for (const type of [13, 2 ** 31, 2 ** 32 - 1]) {
      assert.equal(await result({ pairs: [{ key: 'k', type, value: Buffer.alloc(8) }] }), 'malformed');
      const value = writer.array(type, [Buffer.alloc(8)]);
      assert.equal(await result({ pairs: [{ key: 'k', type: ARRAY, value }] }), 'malformed');
    }
  });

  it('refuses alignments that are none', async () => {
    for (const alignment of [0, 3, 48, 2 ** 31 + 1]) {
      const pairs = [writer.pair('general.alignment', VALUE.U32, alignment)];
      assert.equal(await result({ pairs, tensors: [w] }), 'malformed', String(alignment));
    }
    for (const value of ['', 'thirty-two', '-8']) {
      assert.equal(await result({ pairs: [writer.pair('general.alignment', TEXT, value)], tensors: [w] }), 'malformed');
    }
    const pairs = [writer.pair('general.alignment', VALUE.U32, 2 ** 31)];
    assert.deepEqual(await result({ pairs, tensors: [w] }), { shown: [], problems: ['w: truncated'] });
  });

  it('refuses shapes that cannot be', async () => {
    for (const rank of [65, 2 ** 31, 2 ** 32 - 1])
      assert.equal(await result({ tensors: [{ ...w, rank }] }), 'malformed');
    const lost = { shown: [], problems: ['w: malformed'] };
    for (const dims of [[2n ** 63n], [2n ** 64n - 1n, 2], [2n ** 32n, 2n ** 32n], Array<number>(64).fill(2)]) {
      assert.deepEqual(await result({ tensors: [{ ...w, dims }] }), lost, String(dims));
    }
    assert.deepEqual(await result({ tensors: [{ ...w, dims: [2 ** 40] }] }), { shown: [], problems: ['w: truncated'] });
    assert.deepEqual(await result({ tensors: [{ ...w, dims: [0, 2 ** 40] }] }), sound);
    // A type of which nothing is known bounds no shape.
    assert.deepEqual(await result({ tensors: [{ ...w, dims: [2 ** 40], type: 99 }] }), lost);
  });

  it('refuses rows that are no whole blocks', async () => {
    for (const dims of [[33], [16, 2], [], [1, 32]]) {
      const bytes = new Uint8Array(72);
      assert.deepEqual(await result({ tensors: [{ name: 'w', dims, type: 2, bytes }] }), {
        shown: [],
        problems: ['w: malformed'],
      });
    }
  });

  it('shows the others where a tensor’s bytes are elsewhere', async () => {
    const beside = (offset: number | bigint): Promise<unknown> =>
      result({ tensors: [w, { ...floatTensor('x', [2, 2]), offset }] });
    for (const offset of [2n ** 63n, 2n ** 64n - 1n, 2 ** 40, 64]) {
      assert.deepEqual(await beside(offset), { shown: ['w'], problems: ['x: truncated'] }, String(offset));
    }
    assert.deepEqual(await beside(0), { shown: ['w'], problems: ['x: malformed'] }, 'overlap');
    assert.deepEqual(await beside(12), { shown: ['w'], problems: ['x: malformed', 'x: malformed'] }, 'partly');
    assert.deepEqual(await beside(36), { shown: ['w', 'x'], problems: ['x: malformed'] }, 'not aligned');
  });

  it('shows the first of two tensors of one name', async () => {
    assert.deepEqual(await result({ tensors: [w, floatTensor('w', [7])] }), {
      shown: ['w'],
      problems: ['w: malformed'],
    });
  });

  it('keeps names that are special, and refuses one that is a book', async () => {
    const names = ['__proto__', 'constructor', '', '层.重み', 'a b\n'];
    const tensors = names.map((name) => floatTensor(name, [1]));
    assert.deepEqual(await result({ tensors }), { shown: names, problems: [] });
    assert.equal(await result({ tensors: [{ ...w, name: 'x'.repeat(2000) }] }), 'limit');
  });

  it('is no GGUF without its magic', async () => {
    assert.equal(await result(Buffer.from('GGUG'.padEnd(64))), 'unknown-format');
  });

  it('notices that the file changed while it was open', async () => {
    const file = save(writer.file({ tensors: [w] }));
    const checkpoint = await ggufFormat.open(file);
    writeFileSync(file, 'GGUF');
    await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), { code: 'changed' });
    await checkpoint.close();
  });

  it('reads no tensor of another checkpoint', async () => {
    await opened(writer.file({ tensors: [w] }), async (checkpoint) => {
      const other = { ...checkpoint.tensors[0]!, name: 'v' };
      await assert.rejects(checkpoint.read(other), { code: 'malformed', message: /not in the checkpoint/ });
    });
  });
});
