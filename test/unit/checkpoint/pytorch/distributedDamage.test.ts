/** Distributed checkpoints that nothing writes: damaged, or at odds with themselves. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { CheckpointError } from '../../../../extension/checkpoint/checkpointError';
import * as w from '../../../harness/checkpoints/distributedWriter';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { namesOf, readHex } from '../../../harness/checkpoints/torchFiles';
import { quickly } from '../../../harness/quick';
import { distributedFolders } from '../../../harness/checkpoints/distributedFolders';

describe('distributed checkpoints', () => {
  const { root, fresh, refusal, problemsOf, made } = distributedFolders();

  describe('that nothing writes', () => {
    const halves = (folder: string): [Buffer, Buffer] => {
      const records = [w.record([1, 2], [1, 2]), w.record([1, 2], [3, 4])];
      return w.writeRecords(folder, '__0_0.distcp', records) as [Buffer, Buffer];
    };

    /** The problem of a [2, 2] tensor made of these chunks, beside a sound one. */
    async function problemOf(change: (first: Buffer, second: Buffer) => Partial<w.TensorParts>): Promise<string> {
      const folder = fresh();
      const [first, second] = halves(folder);
      const good = { size: [1, 2], chunks: [{ offsets: [0, 0], sizes: [1, 2], place: first }] };
      const rows = [
        { offsets: [0, 0], sizes: [1, 2], place: first },
        { offsets: [1, 0], sizes: [1, 2], place: second },
      ];
      const bad = { size: [2, 2], chunks: rows, ...change(first, second) };
      const checkpoint = await made(w.metadataPickle({ bad, good }), folder);
      assert.equal(await readHex(checkpoint, 'good'), '0000803f00000040');
      if (checkpoint.problems.length > 0) {
        assert.deepEqual(namesOf(checkpoint), ['good']);
        const [{ code, message }] = checkpoint.problems as [Checkpoint['problems'][0]];
        assert.ok(checkpoint.problems.length === 1 && message.length < 1000);
        return `${code}: ${message}`;
      }
      const tensor = checkpoint.tensors.find(({ name }) => name === 'bad')!;
      try {
        return Buffer.from(await checkpoint.read(tensor)).toString('hex');
      } catch (error) {
        assert.ok(error instanceof CheckpointError, String(error));
        return `read: ${error.code}: ${error.message}`;
      }
    }
    const block = (offsets: (number | bigint)[], sizes: (number | bigint)[], place?: Buffer): w.ChunkParts => ({
      offsets,
      sizes,
      place,
    });
    const wholeAt = (file: string, offset: number | bigint, length: number | bigint) => (): Partial<w.TensorParts> => ({
      chunks: [block([0, 0], [2, 2], w.place(file, offset, length))],
    });

    it('sound chunks are put together', async () =>
      assert.equal(await problemOf(() => ({})), Buffer.from(new Float32Array([1, 2, 3, 4]).buffer).toString('hex')));

    const wrong: Record<string, [(first: Buffer, second: Buffer) => Partial<w.TensorParts>, RegExp]> = {
      'a gap': [(first) => ({ chunks: [block([0, 0], [1, 2], first)] }), /malformed.*hold 2 of its 4 elements/],
      'no chunks': [() => ({ chunks: [] }), /malformed.*hold 0 of its 4 elements/],
      'chunks that overlap': [
        (first, second) => ({ chunks: [block([0, 0], [2, 2], first), block([1, 0], [1, 2], second)] }),
        /malformed.*\[2, 2\] at \[0, 0\] and \[1, 2\] at \[1, 0\] overlap/,
      ],
      'a chunk beyond the shape': [
        (first) => ({ chunks: [block([1, 0], [2, 2], first)] }),
        /malformed.*\[2, 2\] at \[1, 0\] is not within its shape/,
      ],
      'a chunk of 2^52 elements': [
        (first) => ({ chunks: [block([0, 0], [2 ** 26, 2 ** 26], first)] }),
        /malformed.*not within its shape/,
      ],
      'a chunk of other axes': [(first) => ({ chunks: [block([0], [4], first)] }), /malformed.*not within its shape/],
      'a negative offset': [(first) => ({ chunks: [block([-1, 0], [2, 2], first)] }), /malformed.*cannot be -1/],
      'an offset beyond 2^53': [(first) => ({ chunks: [block([2n ** 60n, 0], [2, 2], first)] }), /malformed/],
      'a shape that cannot be': [() => ({ size: [2 ** 40, 2 ** 40] }), /malformed.*too large/],
      'an unknown element type': [() => ({ dtype: p.global('torch', 'int3') }), /unsupported.*element type is unknown/],
      'a quantised element type': [() => ({ dtype: p.global('torch', 'qint8') }), /unsupported.*qint8 are not read/],
      'a chunk without a place': [
        (first) => ({ chunks: [block([0, 0], [1, 2], first), block([1, 0], [1, 2])] }),
        /malformed.*chunk at \[1, 0\] has no place/,
      ],
      'a record beyond its file': [wholeAt('__0_0.distcp', 100, 10_000), /truncated.*up to byte 10100, but the file/],
      'a record at 2^52': [wholeAt('__0_0.distcp', 2 ** 52, 1), /truncated/],
      'a record at 2^62': [wholeAt('__0_0.distcp', 2n ** 62n, 1), /malformed.*offset/],
      'a record of negative length': [wholeAt('__0_0.distcp', 0, -1), /malformed.*length cannot be -1/],
      'an empty record': [wholeAt('__0_0.distcp', 0, 0), /read: unknown-format/],
      'a record that begins elsewhere': [wholeAt('__0_0.distcp', 7, 100), /read: unknown-format/],
      'a record cut short': [wholeAt('__0_0.distcp', 0, 200), /read: (truncated|malformed)/],
      'a record that is the metadata': [wholeAt('.metadata', 0, 50), /read: (truncated|malformed)/],
      'a record of another shape': [
        (first) => ({ chunks: [block([0, 0], [2, 2], first)] }),
        /read: malformed.*holds F32 \[1, 2\] where the metadata promise F32 \[2, 2\]/,
      ],
      'a record of another type': [
        () => ({ dtype: p.global('torch', 'float16') }),
        /read: malformed.*tensor bad.*promise F16/,
      ],
      'a transformed record': [
        () => ({
          chunks: [block([0, 0], [2, 2], w.place('__0_0.distcp', 0, 9, p.list(p.text('zstd'))))],
        }),
        /unsupported.*transformed as it was saved \(zstd\)/,
      ],
      'a place that is none': [() => ({ chunks: [block([0, 0], [2, 2], p.none)] }), /malformed/],
    };
    for (const [what, [change, problem]] of Object.entries(wrong)) {
      it(what, async () => assert.match(await problemOf(change), problem));
    }

    it('a name outside of the folder', async () => {
      const outside = path.join(root, 'outside.distcp');
      writeFileSync(outside, w.record([2, 2], [1, 2, 3, 4]));
      for (const name of ['../outside.distcp', outside, 'a/../../outside.distcp', '..\\outside.distcp', 'C:x', '']) {
        const found = await problemOf(wholeAt(name, 0, 100));
        assert.match(found, /malformed.*not beside it and is not opened, so 1 tensor \(bad\)/, name);
      }
    });

    it('chunks that several ranks list, and chunks without elements', async () => {
      const folder = fresh();
      const [first, second] = halves(folder);
      const chunks = [
        block([0, 0], [1, 2], first),
        block([0, 0], [1, 2], first),
        block([1, 0], [1, 2], second),
        block([2, 0], [0, 2]),
      ];
      const checkpoint = await made(w.metadataPickle({ w: { size: [2, 2], chunks } }), folder);
      assert.deepEqual(checkpoint.problems, []);
      assert.equal(await readHex(checkpoint, 'w', { start: 1, end: 2 }), '0000404000008040');
    });

    it('an empty tensor, and one of a place without an offset', async () => {
      const folder = fresh();
      const [first] = halves(folder);
      const metadata = w.metadataPickle(
        { empty: { size: [0, 4], chunks: [] }, whole: { size: [1, 2], chunks: [block([0, 0], [1, 2])] } },
        {
          entries: [['object', w.bytesEntry()]],
          stored: [
            [w.index('whole'), first],
            [w.index('object'), first],
          ],
        },
      );
      const checkpoint = await made(metadata, folder);
      assert.deepEqual(checkpoint.problems, []);
      assert.equal(await readHex(checkpoint, 'empty'), '');
      assert.equal(await readHex(checkpoint, 'whole'), '0000803f00000040');
      assert.match(checkpoint.metadata.object!, /bytes, no tensor/);
    });

    it('metadata of other kinds are refused', async () => {
      const other = async (bytes: Buffer): Promise<string> => {
        const file = path.join(fresh(), '.metadata');
        mkdirSync(path.dirname(file));
        writeFileSync(file, bytes);
        return (await refusal(file)).code;
      };
      assert.equal(await other(p.pickle(p.dict(['a', p.none]))), 'unknown-format');
      const bare = p.bytes(p.global('torch.distributed.checkpoint.metadata', 'Metadata'), p.tuple(), 0x81);
      assert.equal(await other(p.pickle(bare)), 'malformed');
      assert.equal(await other(p.pickle(p.build(bare, p.dict(['state_dict_metadata', p.none])))), 'malformed');
      assert.equal(await other(Buffer.from('no pickle')), 'malformed');
    });

    it('metadata that name what no checkpoint needs are told of, and nothing is run', async () => {
      const entries: [string, Buffer][] = [
        ['evil', p.call(p.global('os', 'system'), p.text('echo'))],
        ['worse', p.call(p.global('builtins', 'getattr'), p.global('os', 'path'), p.text('x'))],
      ];
      const checkpoint = await made(w.metadataPickle({}, { entries }));
      assert.deepEqual(problemsOf(checkpoint), ['unsafe-pickle', 'malformed evil', 'malformed worse']);
      assert.match(checkpoint.problems[0]!.message, /os\.system.*builtins\.getattr: nothing was run/);
    });

    it('metadata in a circle, and entries of any kind', async () => {
      const loop = p.bytes(p.put(9, p.bytes(']')), p.get(9), 'a');
      const entries: [string, Buffer][] = [
        ['loop', loop],
        ['number', p.int(1)],
        ['text', p.text('x')],
      ];
      const checkpoint = await made(
        w.metadataPickle(
          {},
          {
            entries,
            stored: [
              [p.int(1), p.none],
              [loop, loop],
            ],
          },
        ),
      );
      assert.deepEqual(problemsOf(checkpoint), ['malformed loop', 'malformed number', 'malformed text']);
    });

    it('a flipped bit in one of more chunks than are kept open is told, in whatever bands it is read', async () => {
      const folder = fresh();
      const records = Array.from({ length: 70 }, (_, i) => w.record([2, 1], [i, i + 0.5]));
      const payload = Buffer.from(Float32Array.of(3, 3.5).buffer);
      records[3]![records[3]!.indexOf(payload) + payload.length - 1]! ^= 1;
      const places = w.writeRecords(folder, '__0_0.distcp', records);
      const chunks = places.map((place, i) => block([0, i], [2, 1], place));
      const metadata = w.metadataPickle({ a: { size: [2, 70], chunks } });
      for (const bands of [
        [[0, 2]],
        [
          [0, 1],
          [1, 2],
        ],
        [[1, 2]],
      ]) {
        const checkpoint = await made(metadata, folder);
        const reads = bands.map(
          ([start, end]) =>
            () =>
              checkpoint.read(checkpoint.tensors[0]!, { start: start!, end: end! }),
        );
        for (const read of reads.slice(0, -1)) await read();
        await assert.rejects(reads.at(-1)!(), (error) => error instanceof CheckpointError && error.code === 'corrupt');
      }
    });

    it('3000 chunks along any axis, or in a grid, are compared at once; more than that in a tangle are refused', async () => {
      const folder = fresh();
      const [first] = halves(folder);
      const many = (offsets: (i: number) => number[], size: number[]): w.TensorParts => ({
        size,
        chunks: Array.from({ length: 3000 }, (_, i) => block(offsets(i), [1, 1], first)),
      });
      const tensors = {
        rows: many((i) => [i, 0], [3000, 1]),
        columns: many((i) => [0, i], [1, 3000]),
        grid: many((i) => [Math.floor(i / 100), i % 100], [30, 100]),
        tangle: { size: [1], chunks: Array.from({ length: 3000 }, (_, i) => block([0], [i + 1], first)) },
      };
      const metadata = w.metadataPickle(tensors);
      const checkpoint = await quickly(2000, () => made(metadata, folder));
      assert.deepEqual(namesOf(checkpoint), ['rows', 'columns', 'grid']);
      assert.deepEqual(problemsOf(checkpoint), ['malformed tangle']);
    });

    describe('that repeat themselves', () => {
      const MODULE = 'torch.distributed.checkpoint.metadata';
      const instance = (name: string, ...fields: [string, Buffer][]): Buffer =>
        p.build(p.bytes(p.global(MODULE, name), p.tuple(), 0x81), p.dict(...fields));
      const sizes = (...values: number[]): Buffer => p.call(p.global('torch', 'Size'), p.tuple(...values.map(p.int)));
      const tensor = (chunks: Buffer, ...size: number[]): Buffer =>
        instance(
          'TensorStorageMetadata',
          [
            'properties',
            p.build(
              p.bytes(p.global(MODULE, 'TensorProperties'), p.tuple(), 0x81),
              p.tuple(p.global('torch', 'float32')),
            ),
          ],
          ['size', sizes(...size)],
          ['chunks', chunks],
        );
      const chunk = (offsets: number[], size: number[]): Buffer =>
        instance('ChunkStorageMetadata', ['offsets', sizes(...offsets)], ['sizes', sizes(...size)]);
      /** `first`, and `count` times the object that it puts under number 1. */
      const again = (count: number, first: Buffer): [string, Buffer][] =>
        Array.from({ length: count }, (_, i) => [`t${i}`, i === 0 ? first : p.get(1)]);

      /** @returns the problems; takes less than 2 s of processor time */
      async function problemsOfRepeated(metadata: Buffer): Promise<readonly string[]> {
        const { problems, tensors } = await quickly(2000, () => made(metadata));
        assert.equal(tensors.length, 0);
        return problems.map(({ code, message }) => `${code} ${message}`);
      }

      it('the same chunks in many tensors', async () => {
        const chunks = p.list(...Array.from({ length: 5000 }, (_, i) => chunk([i], [1])));
        const told = await problemsOfRepeated(
          w.metadataPickle({}, { entries: again(5000, p.put(1, tensor(chunks, 5000))) }),
        );
        assert.match(told.at(-1)!, /limit .*lists more than 400000 chunks: only the 0 tensors before t80 are shown/);
      });

      it('chunks of many tensors that lie in a tangle', async () => {
        const chunks = p.list(...Array.from({ length: 1000 }, (_, i) => chunk([i, i], [1000 - i, 1])));
        const told = await problemsOfRepeated(
          w.metadataPickle({}, { entries: again(300, p.put(1, tensor(chunks, 1000, 1000))) }),
        );
        assert.match(told[0]!, /hold 500500 of its 1000000 elements/);
        assert.match(told.at(-1)!, /lie in a way that is not compared/);
      });

      it('a long name, or a long place, of many chunks', async () => {
        const name = p.text('n'.repeat(1_000_000));
        const long = p.tuple(...Array.from({ length: 50_000 }, () => p.bytes('K', 1)));
        const places = (index: (i: number) => [string, Buffer][]): [Buffer, Buffer][] =>
          Array.from({ length: 5000 }, (_, i) => [instance('MetadataIndex', ...index(i)), p.none]);
        const first = (i: number, value: Buffer): Buffer => (i === 0 ? p.put(1, value) : p.get(1));
        for (const stored of [
          places((i) => [
            ['fqn', first(i, name)],
            ['offset', sizes(i)],
          ]),
          places((i) => [
            ['fqn', p.text(`t${i}`)],
            ['offset', first(i, long)],
          ]),
        ]) {
          assert.deepEqual(await problemsOfRepeated(w.metadataPickle({}, { stored })), []);
        }
      });

      it('files without end, of which none is there', async () => {
        const entries = again(16_500, p.put(1, tensor(p.list(chunk([0], [1])), 1)));
        const stored = entries.map(([name], i): [Buffer, Buffer] => [w.index(name, [0]), w.place(`f${i}`, 0, 1)]);
        const told = (await made(w.metadataPickle({}, { entries, stored }))).problems;
        assert.match(told.at(-1)!.message, /and 15385 further/);
      });
    });

    it('a name that is not text is told', async () => {
      const checkpoint = await made(
        p.pickle(
          p.build(
            p.bytes(p.global('torch.distributed.checkpoint.metadata', 'Metadata'), p.tuple(), 0x81),
            p.dict(['state_dict_metadata', p.dict([p.int(7), p.none])], ['storage_data', p.emptyDict]),
          ),
        ),
      );
      assert.deepEqual(problemsOf(checkpoint), ['malformed']);
      assert.match(checkpoint.problems[0]!.message, /name is not text/);
    });
  });
});
