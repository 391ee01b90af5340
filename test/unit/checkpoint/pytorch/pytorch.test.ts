/** PyTorch files that no PyTorch writes: impossible tensors, and rare kinds of them. */
import assert from 'node:assert/strict';
import { appendFileSync, rmSync, truncateSync } from 'node:fs';
import { pytorchFormat } from '../../../../extension/checkpoint/pytorch/pytorch';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { namesOf, readHex, torchFolder, torchZip } from '../../../harness/checkpoints/torchFiles';
import { torchRecords, zip } from '../../../harness/checkpoints/zipWriter';

const good = { key: 'good', shape: [2, 3] };
const goodData = { good: p.ramp(6) };

describe('PyTorch', () => {
  const { open, write } = torchFolder();

  /** Problems of a checkpoint with a good tensor and this value, which must not cost the good one. */
  async function problemsOf(value: Buffer, storages: Record<string, Buffer> = {}): Promise<string[]> {
    const root = p.pickle(p.dict(['good', p.tensor(good)], ['bad', value], ['after', p.tensor(good)]), 4);
    const checkpoint = await open(torchZip(root, { ...goodData, ...storages }));
    assert.deepEqual(namesOf(checkpoint), ['good', 'after']);
    assert.equal(await readHex(checkpoint, 'good'), goodData.good.toString('hex'));
    return checkpoint.problems.map(({ code, message, file, tensor }) => {
      assert.ok(file?.endsWith('made.pt') && message.length < 1000);
      return `${code} ${tensor ?? ''}`.trim();
    });
  }

  describe('a dangerous name', () => {
    it('is told, once, by name; nothing is run; the tensors are there', async () => {
      const evil = p.call(p.global('os', 'system'), p.text('echo'));
      const root = p.pickle(p.dict(['x', evil], ['good', p.tensor(good)], ['y', evil]));
      const { problems, tensors } = await open(torchZip(root, goodData));
      assert.equal(tensors.length, 1);
      assert.equal(problems.length, 1);
      assert.equal(problems[0]!.code, 'unsafe-pickle');
      assert.match(
        problems[0]!.message,
        /refers to os\.system: nothing was run here.*; load it elsewhere only if you trust its source/,
      );
    });

    it('as the whole file', async () => {
      const { problems, tensors } = await open(p.pickle(p.call(p.global('posix', 'system'), p.text('echo'))));
      assert.deepEqual(tensors, []);
      assert.match(problems[0]!.message, /posix\.system/);
    });
  });

  it('tells of a name that a dictionary holds twice, and shows the last of them, as Python does', async () => {
    const shapes = [[6], [2, 3]].map((shape) => p.tensor({ key: 'good', elements: 6, shape }));
    const root = p.dict(['good', shapes[0]!], ['lr', p.float(1)], ['lr', p.float(2)], ['good', shapes[1]!]);
    const { problems, tensors } = await open(torchZip(p.pickle(root), goodData));
    assert.deepEqual(
      tensors.map(({ shape }) => shape),
      [[2, 3]],
    );
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, /made\.pt: holds good more than once, and the last one is shown/);
  });

  describe('a tensor that cannot be', () => {
    const cases: Record<string, [Buffer, string]> = {
      'its storage is missing': [p.tensor({ key: 'gone', shape: [4] }), 'truncated bad'],
      'its storage is too short': [p.tensor({ key: 'good', elements: 100, shape: [100] }), 'truncated bad'],
      'an offset beyond its storage': [p.tensor({ key: 'good', elements: 6, offset: 6, shape: [1] }), 'truncated bad'],
      'an offset of 2^62': [p.tensor({ key: 'good', elements: 6, offset: 2n ** 62n, shape: [1] }), 'malformed bad'],
      'strides beyond its storage': [
        p.tensor({ key: 'good', elements: 6, shape: [2, 3], strides: [4, 1] }),
        'truncated bad',
      ],
      'strides whose product overflows': [
        p.tensor({ key: 'good', elements: 6, shape: [2 ** 40, 2], strides: [2 ** 52, 1] }),
        'truncated bad',
      ],
      'a negative stride': [p.tensor({ key: 'good', elements: 6, shape: [6], strides: [-1] }), 'malformed bad'],
      'a negative size': [p.tensor({ key: 'good', elements: 6, shape: [-6] }), 'malformed bad'],
      'a shape whose product overflows': [
        p.tensor({ key: 'good', elements: 6, shape: [2n ** 40n, 2n ** 40n], strides: [0, 0] }),
        'malformed bad',
      ],
      'an expanded terabyte': [
        p.tensor({ key: 'good', elements: 6, shape: [2 ** 20, 2 ** 20], strides: [0, 0] }),
        'limit bad',
      ],
      'more dimensions than PyTorch knows': [
        p.tensor({ key: 'good', elements: 6, shape: Array<number>(65).fill(1) }),
        'malformed bad',
      ],
      'a shape and strides of different length': [
        p.tensor({ key: 'good', elements: 6, shape: [2, 3], strides: [1] }),
        'malformed bad',
      ],
      'an unknown storage type': [p.tensor({ key: 'good', type: 'FunnyStorage', shape: [4] }), 'unsupported bad'],
      'a quantised storage type': [p.tensor({ key: 'good', type: 'QInt8Storage', shape: [4] }), 'unsupported bad'],
      'no storage at all': [
        p.call(p.global('torch._utils', '_rebuild_tensor_v2'), p.none, p.int(0), p.tuple(), p.tuple()),
        'malformed bad',
      ],
      'no arguments': [p.call(p.global('torch._utils', '_rebuild_tensor_v2')), 'malformed bad'],
      'a shape of text': [
        p.call(
          p.global('torch._utils', '_rebuild_tensor'),
          p.storage('good', 'FloatStorage', 6),
          p.int(0),
          p.text('66'),
          p.tuple(),
        ),
        'malformed bad',
      ],
      'a subclass built by an unknown function': [
        p.call(
          p.global('torch._tensor', '_rebuild_from_type_v2'),
          p.global('evil', 'f'),
          p.global('a', 'B'),
          p.tuple(),
          p.none,
        ),
        'unsupported bad',
      ],
      'bytes pickled inside of a pickle': [
        p.call(p.global('torch.storage', '_load_from_bytes'), p.data(Buffer.alloc(8))),
        'unsupported bad',
      ],
      'a NumPy array of an element type called as what every object has': [
        p.build(
          p.call(
            p.global('numpy.core.multiarray', '_reconstruct'),
            p.global('numpy', 'ndarray'),
            p.tuple(p.int(0)),
            p.text('b'),
          ),
          p.tuple(
            ...[p.int(1), p.tuple(p.int(4)), p.call(p.global('numpy', 'dtype'), p.text('constructor'))],
            ...[p.no, p.data(Buffer.alloc(4))],
          ),
        ),
        'unsupported bad',
      ],
      'quantised codes of a type called as what every object has': [
        p.call(
          p.global('torch._utils', '_rebuild_qtensor'),
          p.bytes(
            p.tuple(
              ...[p.text('storage'), p.call(p.global('numpy', 'dtype'), p.text('constructor'))],
              ...[p.text('good'), p.text('cpu'), p.int(6)],
            ),
            'Q',
          ),
          ...[p.int(0), p.tuple(p.int(4)), p.tuple(p.int(1))],
          p.tuple(p.global('torch', 'per_tensor_affine'), p.float(1), p.int(0)),
        ),
        'malformed bad',
      ],
      'a view that begins inside of an element': [
        p.call(
          p.global('torch._utils', '_rebuild_tensor'),
          p.storage('good', 'FloatStorage', 6, p.tuple(p.text('v'), p.float(0.25), p.int(3))),
          ...[p.int(0), p.tuple(p.int(2)), p.tuple(p.int(1))],
        ),
        'malformed bad',
      ],
      'a conjugate view': [
        p.call(
          p.global('torch._utils', '_rebuild_tensor_v2'),
          ...[p.storage('good', 'ComplexFloatStorage', 3), p.int(0), p.tuple(p.int(3)), p.tuple(p.int(1))],
          ...[p.no, p.none, p.dict(['conj', p.yes])],
        ),
        'unsupported bad',
      ],
      'a NumPy array of objects': [
        p.build(
          p.call(
            p.global('numpy.core.multiarray', '_reconstruct'),
            p.global('numpy', 'ndarray'),
            p.tuple(p.int(0)),
            p.text('b'),
          ),
          p.tuple(p.int(1), p.tuple(p.int(1)), p.call(p.global('numpy', 'dtype'), p.text('O8')), p.no, p.list(p.none)),
        ),
        'unsupported bad',
      ],
      'a NumPy array without its state': [
        p.call(p.global('numpy.core.multiarray', '_reconstruct'), p.global('numpy', 'ndarray')),
        'malformed bad',
      ],
      'a NumPy array larger than its bytes': [
        p.call(
          p.global('numpy.core.numeric', '_frombuffer'),
          ...[
            p.data(Buffer.alloc(8)),
            p.call(p.global('numpy', 'dtype'), p.text('<f4')),
            p.tuple(p.int(3)),
            p.text('C'),
          ],
        ),
        'truncated bad',
      ],
    };
    for (const [name, [value, problem]] of Object.entries(cases)) {
      it(name, async () => assert.deepEqual(await problemsOf(value), [problem]));
    }

    it('a storage whose record occurs twice', async () => {
      const root = p.pickle(p.dict(['a', p.tensor({ key: '0', shape: [2] })], ['good', p.tensor(good)]));
      const records = torchRecords(root, { 0: p.ramp(2), ...goodData });
      const checkpoint = await open(zip([...records, { name: 'model/data/0', bytes: p.ramp(2) }]));
      assert.deepEqual(namesOf(checkpoint), ['good']);
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
        [['malformed', 'a']],
      );
    });
  });

  describe('kinds of tensors', () => {
    const storage = p.storage('0', 'UntypedStorage', 4);
    const untyped = (dtype: string): Buffer =>
      p.call(
        p.global('torch._utils', '_rebuild_tensor_v3'),
        ...[p.bytes(storage), p.int(1), p.tuple(p.int(3)), p.tuple(p.int(1)), p.no, p.none, p.global('torch', dtype)],
      );
    const data = { 0: Buffer.from('01020304', 'hex') };

    it('8-bit floats, in storages without a type', async () => {
      const types = {
        ...{ float8_e4m3fn: 'F8_E4M3', float8_e5m2: 'F8_E5M2', uint8: 'U8' },
        ...{ float8_e4m3fnuz: 'F8_E4M3FNUZ', float8_e5m2fnuz: 'F8_E5M2FNUZ', float8_e8m0fnu: 'F8_E8M0' },
      };
      const entries = Object.keys(types).map((type): [string, Buffer] => [type, untyped(type)]);
      const checkpoint = await open(torchZip(p.pickle(p.dict(...entries, ['odd', untyped('quint4x2')])), data));
      assert.deepEqual(Object.fromEntries(checkpoint.tensors.map(({ name, dtype }) => [name, dtype])), types);
      assert.equal(await readHex(checkpoint, 'float8_e5m2'), '020304');
      assert.deepEqual(
        checkpoint.problems.map(({ code, tensor }) => [code, tensor]),
        [['unsupported', 'odd']],
      );
    });

    it('4-bit floats, two in each element of PyTorch’s', async () => {
      // Stored bytes 02 03 04, lower halves first.
      const pickled = p.pickle(p.dict(['four', untyped('float4_e2m1fn_x2')]));
      const checkpoint = await open(torchZip(pickled, { 0: Buffer.from('01f23740', 'hex') }));
      const [four] = checkpoint.tensors;
      assert.deepEqual([four!.shape, four!.dtype, four!.encoding], [[6], 'F32', { name: 'F4', byteLength: 3 }]);
      const expected = [1, -6, 6, 1.5, 0, 2];
      for (let start = 0; start <= 6; start++) {
        for (let end = start; end <= 6; end++) {
          const bytes = await checkpoint.read(four!, { start, end });
          assert.deepEqual([...new Float32Array(bytes.slice().buffer)], expected.slice(start, end));
        }
      }
    });

    it('parameters, subclasses and old variables are the tensors inside of them', async () => {
      const inner = p.tensor({ key: '0', type: 'ByteStorage', shape: [4] });
      const rebuild = p.bytes(inner);
      const storageArgs = [p.storage('0', 'ByteStorage', 4), p.int(0), p.tuple(p.int(4)), p.tuple(p.int(1))];
      const root = p.dict(
        ['parameter', p.call(p.global('torch._utils', '_rebuild_parameter'), rebuild, p.yes, p.none)],
        ['state', p.call(p.global('torch._utils', '_rebuild_parameter_with_state'), rebuild, p.yes, p.none, p.dict())],
        ['old', p.build(p.bytes(p.global('torch.nn.parameter', 'Parameter'), p.tuple(rebuild), 0x81), p.tuple(p.yes))],
        [
          'subclass',
          p.call(
            p.global('torch._tensor', '_rebuild_from_type_v2'),
            ...[
              p.global('torch._utils', '_rebuild_tensor'),
              p.global('my', 'Tensor'),
              p.tuple(...storageArgs),
              p.dict(),
            ],
          ),
        ],
        ['storage', p.storage('0', 'ByteStorage', 4)],
      );
      const checkpoint = await open(torchZip(p.pickle(root), data));
      assert.deepEqual(namesOf(checkpoint), ['parameter', 'state', 'old', 'subclass', 'storage']);
      for (const name of namesOf(checkpoint)) assert.equal(await readHex(checkpoint, name), '01020304');
      assert.deepEqual(checkpoint.tensors.map(({ sharedWith }) => sharedWith).slice(1), Array(4).fill('parameter'));
    });

    it('elements of a big-endian machine are turned round', async () => {
      const root = p.pickle(
        p.dict(
          ['short', p.tensor({ key: '0', type: 'ShortStorage', elements: 4, shape: [2, 2], strides: [1, 2] })],
          ['float', p.tensor({ key: '0', elements: 2, shape: [2] })],
          ['complex', p.tensor({ key: '0', type: 'ComplexFloatStorage', elements: 1, shape: [1] })],
          ['byte', p.tensor({ key: '0', type: 'ByteStorage', elements: 8, shape: [8] })],
        ),
      );
      const records = torchRecords(root, { 0: Buffer.from('0102030405060708', 'hex') });
      const checkpoint = await open(zip([...records, { name: 'model/byteorder', bytes: Buffer.from('big') }]));
      assert.equal(await readHex(checkpoint, 'short'), '0201060504030807');
      assert.equal(await readHex(checkpoint, 'float'), '0403020108070605');
      assert.equal(await readHex(checkpoint, 'complex'), '0403020108070605');
      assert.equal(await readHex(checkpoint, 'byte'), '0102030405060708');
    });

    it('a transposed view larger than a read window, whole and in rows', async () => {
      const [rows, cols] = [3000, 2500];
      const view = { key: '0', elements: rows * cols, shape: [cols, rows], strides: [1, cols] };
      const checkpoint = await open(torchZip(p.pickle(p.dict(['t', p.tensor(view)])), { 0: p.ramp(rows * cols) }));
      const tensor = checkpoint.tensors[0]!;
      for (const band of [
        { start: 0, end: cols },
        { start: 17, end: 19 },
      ]) {
        const bytes = await checkpoint.read(tensor, band);
        const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
        assert.equal(values.length, (band.end - band.start) * rows);
        // Element (i, j) of the view is element j·cols + i of the storage, whose elements are their own index.
        const wrong = values.findIndex((value, k) => value !== (k % rows) * cols + band.start + Math.floor(k / rows));
        assert.equal(wrong, -1);
      }
    });

    it('a storage of 6 GB, of which only the rows that are asked for are read', async () => {
      const rows = 1_500_000;
      const hole = rows * 1000 * 4;
      const root = p.pickle(p.dict(['w', p.tensor({ shape: [rows, 1000] })]));
      const empty = { name: 'model/data/0', bytes: Buffer.alloc(0), size: hole, compressedSize: hole };
      const packed = zip([{ name: 'model/data.pkl', bytes: root }, empty], { zip64: true });
      const recordsEnd = packed.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
      const moved = zip([{ name: 'model/data.pkl', bytes: root }, empty], {
        zip64: true,
        directoryOffset: recordsEnd + hole,
      });
      const file = write(moved.subarray(0, recordsEnd), 'large.pt');
      truncateSync(file, recordsEnd + hole);
      appendFileSync(file, moved.subarray(recordsEnd));
      const checkpoint = await pytorchFormat.open(file);
      try {
        const tensor = checkpoint.tensors[0]!;
        assert.equal(tensor.byteLength, hole);
        const last = await checkpoint.read(tensor, { start: rows - 2, end: rows });
        assert.ok(Buffer.from(last).equals(Buffer.alloc(8000)));
        assert.ok(process.memoryUsage().rss < 1e9);
      } finally {
        await checkpoint.close();
        rmSync(file);
      }
    });

    it('storages that another program compressed', async () => {
      const root = p.pickle(p.dict(['w', p.tensor({ shape: [100, 10] })]));
      const [pickled, data0, version] = torchRecords(root, { 0: p.ramp(1000) });
      const checkpoint = await open(zip([{ ...pickled!, deflate: true }, { ...data0!, deflate: true }, version!]));
      assert.equal(await readHex(checkpoint, 'w'), p.ramp(1000).toString('hex'));
      assert.equal(
        await readHex(checkpoint, 'w', { start: 99, end: 100 }),
        p.ramp(1000).subarray(3960).toString('hex'),
      );
    });
  });
});
