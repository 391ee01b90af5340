/** Quantised and sparse tensors that PyTorch writes otherwise than the fixtures' version does, or that nothing writes. */
import assert from 'node:assert/strict';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import * as p from '../../../harness/checkpoints/pickleWriter';
import { codeOf, namesOf, readHex, torchFolder, torchZip } from '../../../harness/checkpoints/torchFiles';
import { quickly } from '../../../harness/quick';

const doubles = (...values: number[]): Buffer => Buffer.from(Float64Array.from(values).buffer);
const longs = (...values: number[]): Buffer => Buffer.from(BigInt64Array.from(values, BigInt).buffer);
const floats = (...values: number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('hex');

const longView = { key: 'zeros', type: 'LongStorage', elements: 2 };
const huge = [2 ** 40, 2 ** 40];

describe('PyTorch tensors of other kinds', () => {
  const { open } = torchFolder();
  const storages = {
    codes: Buffer.from([0, 1, 2, 3, 4, 255]),
    scales: doubles(0.5, 2),
    zeros: longs(1, -1),
    good: p.ramp(2),
  };

  /** The value beside a sound tensor, which it must not cost. */
  async function beside(value: Buffer): Promise<Checkpoint> {
    const root = p.pickle(p.dict(['value', value], ['good', p.tensor({ key: 'good', shape: [2] })]));
    const checkpoint = await open(torchZip(root, storages));
    assert.equal(await readHex(checkpoint, 'good'), storages.good.toString('hex'));
    return checkpoint;
  }

  async function problemOf(value: Buffer): Promise<string> {
    const checkpoint = await beside(value);
    assert.deepEqual(namesOf(checkpoint), ['good']);
    assert.equal(checkpoint.problems.length, 1);
    const [{ code, tensor, message }] = checkpoint.problems as [Checkpoint['problems'][0]];
    assert.equal(tensor, 'value');
    assert.ok(message.length < 600, message);
    return `${code}: ${message}`;
  }

  describe('quantised', () => {
    const vector = (key: string, type: string, elements = 2, shape = [elements]): Buffer =>
      p.tensor({ key, type, elements, shape });
    const scales = vector('scales', 'DoubleStorage');
    const zeros = vector('zeros', 'LongStorage');

    interface Parts {
      type?: string;
      shape?: number[];
      strides?: number[];
      offset?: number;
      parameters?: Buffer[];
    }

    function quantised({ type = 'QInt8Storage', shape = [2, 3], strides, offset = 0, parameters }: Parts): Buffer {
      const perTensor = [p.global('torch', 'per_tensor_affine'), p.float(0.5), p.int(1)];
      return p.call(
        p.global('torch._utils', '_rebuild_qtensor'),
        ...[p.storage('codes', type, 6), p.int(offset), p.tuple(...shape.map(p.int))],
        ...[p.tuple(...(strides ?? p.rowMajor(shape)).map(p.int)), p.tuple(...(parameters ?? perTensor))],
        ...[p.no, p.call(p.global('collections', 'OrderedDict'))],
      );
    }
    const perChannel = (scale: Buffer, zero: Buffer, axis: Buffer | number): Buffer[] => [
      p.global('torch', 'per_channel_affine'),
      ...[scale, zero, typeof axis === 'number' ? p.int(axis) : axis],
    ];

    it('has scales in lists, as the first versions wrote them', async () => {
      const lists = perChannel(p.list(p.float(0.5), p.float(2)), p.list(p.int(1), p.int(-1)), 0);
      const checkpoint = await beside(quantised({ parameters: lists }));
      assert.deepEqual(checkpoint.problems, []);
      assert.equal(await readHex(checkpoint, 'value'), floats(-0.5, 0, 0.5, 8, 10, 0));
      assert.equal(await readHex(checkpoint, 'value', { start: 1, end: 2 }), floats(8, 10, 0));
    });

    it('keeps factors exact until the product is rounded', async () => {
      const scale = 1 + 2 ** -30;
      const parameters = [p.global('torch', 'per_tensor_affine'), p.float(scale), p.int(-(2 ** 20))];
      const checkpoint = await beside(quantised({ type: 'QUInt8Storage', parameters }));
      const expected = [0, 1, 2, 3, 4, 255].map((code) => (code + 2 ** 20) * scale);
      assert.equal(await readHex(checkpoint, 'value'), floats(...expected));
    });

    it('is not called shared with codes that other scales are for', async () => {
      const other = [p.global('torch', 'per_tensor_affine'), p.float(4), p.int(0)];
      const root = p.dict(['a', quantised({})], ['b', quantised({ parameters: other })]);
      const { tensors } = await open(torchZip(p.pickle(root), storages));
      assert.deepEqual(
        tensors.map(({ sharedWith }) => sharedWith),
        [undefined, undefined],
      );
    });

    it('asks again for scales that could not be read before', async () => {
      const checkpoint = await beside(quantised({ parameters: perChannel(scales, zeros, 0) }));
      const [tensor] = checkpoint.tensors;
      await assert.rejects(checkpoint.read(tensor!, undefined, AbortSignal.abort()), { name: 'AbortError' });
      assert.equal(await codeOf(checkpoint.read(tensor!)), 'read');
    });

    const wrong: Record<string, [Buffer, RegExp]> = {
      'a scheme of no known name': [
        quantised({ parameters: [p.global('torch', 'per_tensor_symmetric'), p.float(1)] }),
        /unsupported.*scheme torch\.per_tensor_symmetric/,
      ],
      'no parameters': [quantised({ parameters: [] }), /unsupported.*scheme of no name/],
      'a scale that is no number': [
        quantised({ parameters: [p.global('torch', 'per_tensor_affine'), p.text('1'), p.int(0)] }),
        /malformed.*scale is not a number/,
      ],
      'a zero point beyond 2^53': [
        quantised({ parameters: [p.global('torch', 'per_tensor_affine'), p.float(1), p.int(2n ** 60n)] }),
        /malformed.*zero point is not a number/,
      ],
      'plain storage': [quantised({ type: 'FloatStorage' }), /malformed.*its storage holds float32/],
      'an axis that it does not have': [
        quantised({ parameters: perChannel(scales, zeros, 2) }),
        /malformed.*axis 2 is none of its 2/,
      ],
      'an axis of −1': [quantised({ parameters: perChannel(scales, zeros, -1) }), /malformed.*axis cannot be -1/],
      'too few scales': [
        quantised({ parameters: perChannel(scales, zeros, 1) }),
        /malformed.*scales are F64 of shape \[2\] for 3/,
      ],
      'too few scales in a list': [
        quantised({ parameters: perChannel(p.list(p.float(1)), zeros, 0) }),
        /malformed.*1 scales for 2/,
      ],
      'scales of two axes': [
        quantised({ parameters: perChannel(vector('scales', 'DoubleStorage', 2, [2, 1]), zeros, 0) }),
        /malformed.*shape \[2, 1\]/,
      ],
      'complex scales': [
        quantised({ parameters: perChannel(vector('scales', 'ComplexFloatStorage'), zeros, 0) }),
        /malformed.*scales are C64/,
      ],
      'quantised scales': [
        quantised({ parameters: perChannel(quantised({ shape: [2] }), zeros, 0) }),
        /malformed.*scales are no tensor/,
      ],
      'scales whose data is missing': [
        quantised({ parameters: perChannel(vector('gone', 'DoubleStorage'), zeros, 0) }),
        /truncated.*its scales or zero points: its data "model\/data\/gone" is missing/,
      ],
      'zero points that leave their storage': [
        quantised({ parameters: perChannel(scales, p.tensor({ ...longView, offset: 1, shape: [2] }), 0) }),
        /truncated.*its scales or zero points/,
      ],
      'more codes than are stored': [quantised({ shape: [2, 4] }), /truncated.*needs 8 bytes/],
      'a shape that cannot be': [quantised({ shape: [2 ** 40, 2 ** 40], strides: [0, 0] }), /malformed.*too large/],
      'a shape and strides of different length': [quantised({ strides: [1] }), /malformed.*differ in length/],
      '4-bit codes of a shape that cannot be': [
        quantised({ type: 'QUInt4x2Storage', shape: [2 ** 40, 2 ** 40], strides: [1, 1] }),
        /malformed.*too large/,
      ],
    };
    for (const [name, [value, problem]] of Object.entries(wrong)) {
      it(`with ${name} is named with the reason`, async () => assert.match(await problemOf(value), problem));
    }

    it('with 4-bit codes that do not begin with a byte is listed', async () => {
      for (const parts of [{ offset: 1 }, { shape: [3, 1] }, { shape: [4, 2], strides: [1, 4] }, { shape: [] }]) {
        const checkpoint = await beside(quantised({ type: 'QUInt4x2Storage', ...parts }));
        const [tensor] = checkpoint.tensors;
        assert.deepEqual(tensor!.shape, parts.shape ?? [2, 3]);
        assert.equal(await codeOf(checkpoint.read(tensor!)), 'unsupported');
      }
    });

    it('with 2-bit codes is decoded, the lowest bits first', async () => {
      const checkpoint = await beside(quantised({ type: 'QUInt2x4Storage', shape: [1, 16] }));
      const codes = [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
      assert.equal(await readHex(checkpoint, 'value'), floats(...codes.map((code) => (code - 1) / 2)));
    });
  });

  describe('subclasses', () => {
    const build = (object: Buffer, state: Buffer): Buffer => p.build(object, state);
    const object = (module: string, name: string): Buffer => p.bytes(p.global(module, name), p.tuple(), 0x81);
    const slots = (...pairs: [string, Buffer][]): Buffer => p.tuple(p.none, p.dict(...pairs));
    const local = p.tensor({ key: 'good', shape: [1, 2] });

    interface Wrapper {
      module?: string;
      name: string;
      shape: number[];
      dtype?: Buffer;
      state: Buffer;
    }
    function wrapper({ module = 'torch.distributed.tensor', name, shape, dtype, state }: Wrapper): Buffer {
      const type = p.global(module, name);
      const strides = p.rowMajor(shape);
      const inner = p.tuple(
        ...[type, dtype ?? p.global('torch', 'float32'), p.tuple(...shape.map(p.int)), p.tuple(...strides.map(p.int))],
        ...[p.int(0), p.global('torch', 'strided'), p.text('cpu'), p.no],
      );
      const function_ = p.global('torch._utils', '_rebuild_wrapper_subclass');
      return p.call(p.global('torch._tensor', '_rebuild_from_type_v2'), function_, type, inner, state);
    }

    it('DTensor: the part that the file holds is read, and said to be one', async () => {
      for (const module of ['torch.distributed._tensor.api', 'torch.distributed.tensor']) {
        const state = slots(['_local_tensor', local], ['_spec', p.none]);
        const checkpoint = await beside(wrapper({ module, name: 'DTensor', shape: [4, 2], state }));
        const [tensor] = checkpoint.tensors;
        assert.deepEqual(tensor!.shape, [1, 2]);
        assert.deepEqual(tensor!.encoding, { name: 'part of a DTensor', byteLength: 8 });
        assert.equal(await readHex(checkpoint, 'value'), storages.good.toString('hex'));
        assert.deepEqual(
          checkpoint.problems.map(({ code }) => code),
          ['missing-shard'],
        );
        assert.match(
          checkpoint.problems[0]!.message,
          /only this rank's part of 1 tensor \(value, \[1, 2\] of \[4, 2\]\)/,
        );
      }
    });

    it('DTensor: a part that is the whole is the tensor', async () => {
      const state = p.dict(['_local_tensor', local]);
      const checkpoint = await beside(wrapper({ name: 'DTensor', shape: [1, 2], state }));
      assert.equal(checkpoint.tensors[0]!.encoding, undefined);
      assert.deepEqual(checkpoint.problems, []);
    });

    it('a class that wraps other tensors is listed, with the bytes of its parts', async () => {
      const codes = p.tensor({ key: 'codes', type: 'CharStorage', shape: [6] });
      const parts = { module: 'torchao.dtypes', shape: [6] };
      const inner = wrapper({ ...parts, name: 'PlainAQTTensorImpl', state: p.dict(['int_data', codes]) });
      const state = p.dict(['tensor_impl', inner], ['scale', local], ['block_size', p.tuple(p.int(1))]);
      const checkpoint = await beside(wrapper({ ...parts, name: 'AffineQuantizedTensor', state }));
      const [tensor] = checkpoint.tensors;
      assert.deepEqual(tensor!.encoding, { name: 'AffineQuantizedTensor', byteLength: 6 + 8 });
      assert.match(tensor!.unreadable!, /^a torchao\.dtypes\.AffineQuantizedTensor, whose parts/);
      assert.equal(await codeOf(checkpoint.read(tensor!)), 'unsupported');
      // Not of PyTorch's own module: whatever it calls local.
      const other = wrapper({ ...parts, name: 'DTensor', state: p.dict(['_local_tensor', local]) });
      assert.match((await beside(other)).tensors[0]!.unreadable!, /torchao\.dtypes\.DTensor/);
    });

    it('without attributes, of an unknown element type, of an impossible shape', async () => {
      assert.match(
        (await beside(wrapper({ name: 'DTensor', shape: [2], state: p.none }))).tensors[0]!.unreadable!,
        /D/,
      );
      const unknown = wrapper({ name: 'X', shape: [2], dtype: p.global('torch', 'int3'), state: p.none });
      assert.match(await problemOf(unknown), /unsupported.*unknown element type/);
      assert.match(await problemOf(wrapper({ name: 'X', shape: huge, state: p.none })), /malformed.*too large/);
      const endless = wrapper({ name: 'X'.repeat(100_000), shape: [2], state: p.none });
      assert.ok((await beside(endless)).tensors[0]!.unreadable!.length < 400);
    });

    it('asked for again and again come to an end', async () => {
      const ones = new Array<number>(64).fill(1);
      const whole = p.put(50, p.tensor({ key: 'good', shape: ones }));
      const attributes = ones.map((_, i): [string, Buffer] => [`a${i}`, i === 0 ? whole : p.get(50)]);
      const dtype = p.global('torch', 'float32');
      const wrapped = wrapper({
        module: 'torchao',
        name: 'Quantised',
        shape: [2],
        dtype,
        state: p.put(51, p.dict(...attributes)),
      });
      const again = wrapper({ module: 'torchao', name: 'Quantised', shape: [2], dtype, state: p.get(51) });
      const root = p.pickle(
        p.bytes(wrapped, '0', ...new Array<Buffer>(12_000).fill(p.bytes(again, '0')), p.dict(['good', p.get(50)])),
      );
      assert.equal(await codeOf(open(torchZip(root, storages))), 'limit');
    });

    describe('ShardedTensor', () => {
      const shard = (tensor: Buffer): Buffer =>
        build(
          object('torch.distributed._shard.sharded_tensor.shard', 'Shard'),
          slots(['tensor', tensor], ['metadata', p.none]),
        );
      const whole = (size: number[], ...shards: Buffer[]): Buffer => {
        const metadata = object('torch.distributed._shard.sharded_tensor.metadata', 'ShardedTensorMetadata');
        const sizes = p.call(p.global('torch', 'Size'), p.tuple(...size.map(p.int)));
        return build(
          object('torch.distributed._shard.sharded_tensor.api', 'ShardedTensor'),
          p.tuple(p.list(...shards), build(metadata, p.dict(['size', sizes])), p.none, p.none, p.no),
        );
      };

      it('of one part is that part, and said to be one', async () => {
        const checkpoint = await beside(whole([8, 2], shard(local)));
        assert.deepEqual(namesOf(checkpoint), ['value', 'good']);
        assert.equal(checkpoint.tensors[0]!.encoding!.name, 'part of a ShardedTensor');
        assert.equal(checkpoint.problems[0]!.code, 'missing-shard');
        assert.deepEqual((await beside(whole([1, 2], shard(local)))).problems, []);
      });

      it('of several parts is listed, of none named', async () => {
        const [tensor] = (await beside(whole([8, 2], shard(local), shard(local)))).tensors;
        assert.deepEqual([tensor!.shape, tensor!.encoding!.byteLength], [[8, 2], 16]);
        assert.match(tensor!.unreadable!, /of which 2 parts are in this file/);
        assert.match(await problemOf(whole([8, 2])), /unsupported.*no part of it/);
        assert.match(await problemOf(whole([-8, 2], shard(local))), /malformed.*cannot be -8/);
        assert.match(await problemOf(whole(huge, shard(local), shard(local))), /malformed.*too large/);
      });
    });

    it('a pickle that asks for the same large state again and again takes no time', async () => {
      const many = Array.from({ length: 20_000 }, (_, i): [string, Buffer] => [`k${i}`, p.none]);
      const state = p.put(7, p.dict(...many));
      const again = Array.from({ length: 5000 }, () => wrapper({ name: 'DTensor', shape: [2], state: p.get(7) }));
      const file = torchZip(p.pickle(p.dict(['state', state], ['all', p.list(...again)])), {});
      const checkpoint = await quickly(2000, () => open(file));
      assert.equal(checkpoint.tensors.length, 5000);
    });
  });

  describe('sparse', () => {
    const indices = p.tensor({ key: 'zeros', type: 'LongStorage', shape: [2] });
    const values = p.tensor({ key: 'good', shape: [2] });
    const layout = (name: string): Buffer => p.call(p.global('torch.serialization', '_get_layout'), p.text(name));
    const sparse = (name: string, ...data: Buffer[]): Buffer =>
      p.call(p.global('torch._utils', '_rebuild_sparse_tensor'), layout(name), p.tuple(...data));
    const shape = (...sizes: (number | bigint)[]): Buffer => p.tuple(...sizes.map(p.int));

    it('of every layout is listed with its shape, how many elements it stores and in how many bytes', async () => {
      for (const name of ['csr', 'csc', 'bsr', 'bsc']) {
        const { tensors } = await beside(sparse(`torch.sparse_${name}`, indices, indices, values, shape(5, 7)));
        const upper = name.toUpperCase();
        assert.deepEqual([tensors[0]!.shape, tensors[0]!.dtype, tensors[0]!.byteLength], [[5, 7], 'F32', 140]);
        assert.deepEqual(tensors[0]!.encoding, { name: `sparse ${upper}, nnz 2`, byteLength: 2 * 16 + 8 });
        assert.match(tensors[0]!.unreadable!, /^a sparse tensor/);
      }
      const { tensors } = await beside(sparse('torch.sparse_coo', indices, values, shape(2 ** 20, 2 ** 20), p.yes));
      assert.deepEqual(tensors[0]!.encoding, { name: 'sparse COO, nnz 2', byteLength: 16 + 8 });
      assert.equal(tensors[0]!.byteLength, 2 ** 42);
    });

    const wrong: Record<string, [Buffer, RegExp]> = {
      'no data': [p.call(p.global('torch._utils', '_rebuild_sparse_tensor'), layout('torch.sparse_coo')), /no values/],
      'no values': [sparse('torch.sparse_coo', indices), /no values/],
      'no shape': [sparse('torch.sparse_coo', indices, values), /shape is not a tuple/],
      'a shape that cannot be': [sparse('torch.sparse_coo', indices, values, shape(2 ** 40, 2 ** 40)), /too large/],
      'a negative size': [sparse('torch.sparse_csr', indices, indices, values, shape(-1, 2)), /cannot be -1/],
      'one tensor of indices where two belong': [sparse('torch.sparse_csr', indices, values, shape(2, 2)), /no values/],
      'a layout of no known name': [sparse('torch._mkldnn', indices, values, shape(2, 2)), /layout of no known name/],
      'parts that are sparse': [
        sparse('torch.sparse_coo', indices, sparse('torch.sparse_coo', indices, values, shape(2)), shape(2)),
        /no values/,
      ],
      'a part of a shape that cannot be': [
        sparse(
          'torch.sparse_coo',
          indices,
          p.tensor({ key: 'good', elements: 2, shape: huge, strides: [0, 0] }),
          shape(2),
        ),
        /a part has the shape.*too large/,
      ],
    };
    for (const [name, [value, problem]] of Object.entries(wrong)) {
      it(`with ${name} is named with the reason`, async () => assert.match(await problemOf(value), problem));
    }
  });
});
