/** Quantised and sparse tensors of TensorFlow Lite models, decoded as the schema describes them. */
import assert from 'node:assert/strict';
import { FileReader } from '../../../../extension/checkpoint/files/fileReader';
import { int, numbers, table, tables, type Node } from '../../../harness/checkpoints/flatbufferWriter';
import {
  blockwise,
  floatTensor,
  quantisation,
  sparsity,
  TYPE,
  type WrittenTensor,
} from '../../../harness/checkpoints/tfliteWriter';
import { tfliteModels, ramp } from '../../../harness/checkpoints/tfliteModels';

describe('TensorFlow Lite models', () => {
  const { ofTensors, find, floats, holds } = tfliteModels();

  describe('quantised tensors', () => {
    it('one scale and zero point for all: (q − z)·s', async () => {
      const scale = Math.fround(0.0123);
      const codes = [-128, -3, 0, 1, 100, 127];
      const checkpoint = await ofTensors(
        {
          name: 'weight',
          shape: [2, 3],
          type: TYPE.I8,
          bytes: Uint8Array.from(codes),
          quantisation: quantisation({ scales: [scale], zeroPoints: [-3] }),
        },
        {
          name: 'older',
          shape: [3],
          type: TYPE.U8,
          bytes: Uint8Array.of(0, 128, 255),
          quantisation: quantisation({ scales: [0.5], zeroPoints: [128] }),
        },
        {
          name: 'wide',
          shape: [2],
          type: TYPE.I16,
          bytes: new Uint8Array(Int16Array.of(-32768, 7).buffer),
          quantisation: quantisation({ scales: [0.25] }),
        },
      );
      await holds(
        checkpoint,
        'weight',
        codes.map((q) => (q + 3) * scale),
      );
      await holds(checkpoint, 'older', [-64, 0, 63.5]);
      await holds(checkpoint, 'wide', [-8192, 1.75]);
      assert.deepEqual(find(checkpoint, 'weight').encoding, { name: 'I8 per tensor', byteLength: 6 });
      assert.equal(find(checkpoint, 'weight').byteLength, 24);
    });

    it('scales along any axis: the example of the schema', async () => {
      // t[:, 0, :, :] has scale 1 and zero point 1, t[:, 1, :, :] 2 and 2, t[:, 2, :, :] 3 and 3.
      const parameters = { scales: [1, 2, 3], zeroPoints: [1, 2, 3], axis: 1 };
      const tensor = { name: 't', shape: [4, 3, 2, 1], type: TYPE.I8, bytes: Uint8Array.from(ramp(24)) };
      const checkpoint = await ofTensors({ ...tensor, quantisation: quantisation(parameters) });
      const expected = ramp(24).map((q) => {
        const channel = Math.floor(q / 2) % 3;
        return (q - (channel + 1)) * (channel + 1);
      });
      await holds(checkpoint, 't', expected);
      assert.equal(find(checkpoint, 't').encoding!.name, 'I8 per channel');
    });

    it('scales of the first axis, the last, and of biases that name the axis of their kernel', async () => {
      const scales = [0.5, 2, 8];
      const made = (name: string, shape: number[], axis: number, type: number, bytes: Uint8Array): WrittenTensor => {
        const parameters = { scales, zeroPoints: [0, 0, 0], axis };
        return { name, shape, type, bytes, quantisation: quantisation(parameters) };
      };
      const checkpoint = await ofTensors(
        made('first', [3, 2], 0, TYPE.I8, Uint8Array.from(ramp(6))),
        made('last', [2, 3], 1, TYPE.I8, Uint8Array.from(ramp(6))),
        made('bias', [3], 3, TYPE.I32, new Uint8Array(Int32Array.of(-1, 100_000, 2 ** 30).buffer)),
        made('wide bias', [3], 0, TYPE.I64, new Uint8Array(BigInt64Array.of(-1n, 2n ** 40n, 1n).buffer)),
      );
      assert.deepEqual(checkpoint.problems, []);
      await holds(checkpoint, 'first', [0, 0.5, 4, 6, 32, 40]);
      await holds(checkpoint, 'last', [0, 2, 16, 1.5, 8, 40]);
      await holds(checkpoint, 'bias', [-0.5, 200_000, 2 ** 33]);
      await holds(checkpoint, 'wide bias', [-0.5, 2 ** 41, 8]);
    });

    it('four bits an element, in rows of an odd number', async () => {
      const checkpoint = await ofTensors({
        name: 'w',
        shape: [3, 3],
        type: TYPE.I4,
        bytes: Uint8Array.of(0x21, 0x83, 0xf7, 0x50, 0x0c),
        quantisation: quantisation({ scales: [1, 10, 100], zeroPoints: [0, 0, 0], axis: 0 }),
      });
      await holds(checkpoint, 'w', [1, 2, 3, -80, 70, -10, 0, 500, -400]);
    });

    it('blocks along the last axis, whose scales are another tensor', async () => {
      const halves = Uint16Array.of(0x3c00, 0x4000, 0x3800, 0xbc00); // 1, 2, ½, −1
      const codes = ramp(8, -4);
      const weight = (name: string, zeroPoints: number): WrittenTensor => ({
        name,
        shape: [2, 4],
        type: TYPE.I8,
        bytes: Uint8Array.from(codes),
        quantisation: quantisation({ details: blockwise(2, zeroPoints, 2) }),
      });
      const checkpoint = await ofTensors(
        weight('w', -1),
        weight('shifted', 3),
        { name: 'scales', shape: [2, 2], type: TYPE.F16, bytes: new Uint8Array(halves.buffer) },
        { name: 'zeros', shape: [4], type: TYPE.I8, bytes: Uint8Array.of(1, 0, 0, 255) },
      );
      assert.deepEqual(checkpoint.problems, []);
      await holds(checkpoint, 'w', [-4, -3, -4, -2, 0, 0.5, -2, -3]);
      await holds(checkpoint, 'shifted', [-5, -4, -4, -2, 0, 0.5, -3, -4]);
      assert.equal(find(checkpoint, 'w').encoding!.name, 'I8 g2');
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        ['w', 'shifted', 'scales', 'zeros'],
      );
    });

    it('ranges alone, and the scales of floating-point tensors, change nothing', async () => {
      const checkpoint = await ofTensors(
        { name: 'codes', shape: [2], type: TYPE.I32, bytes: new Uint8Array(8), quantisation: quantisation({}) },
        { ...floatTensor('w', [2], [3, 4]), quantisation: quantisation({ scales: [0.5], zeroPoints: [1] }) },
      );
      assert.equal(find(checkpoint, 'codes').dtype, 'I32');
      assert.deepEqual(await floats(checkpoint, 'w'), [3, 4]);
    });

    it('a large one is decoded a slice at a time to the same numbers', async () => {
      const [rows, cols] = [3000, 700];
      const bytes = Uint8Array.from({ length: rows * cols }, (_, i) => (i * 31) & 255);
      const scales = ramp(rows, 1).map((row) => 1 / row);
      const parameters = quantisation({ scales, zeroPoints: [7], axis: 0 });
      const checkpoint = await ofTensors({
        name: 'w',
        shape: [rows, cols],
        type: TYPE.U8,
        bytes,
        quantisation: parameters,
      });
      const values = new Float32Array((await checkpoint.read(checkpoint.tensors[0]!)).buffer);
      const wrong = values.findIndex(
        (value, i) => value !== Math.fround((bytes[i]! - 7) * Math.fround(scales[Math.floor(i / cols)]!)),
      );
      assert.equal(wrong, -1);
    });
  });

  describe('sparse tensors', () => {
    const sparse = (
      name: string,
      shape: number[],
      values: number[],
      ...stored: Parameters<typeof sparsity>
    ): WrittenTensor => ({ ...floatTensor(name, shape, values), sparsity: sparsity(...stored) });

    it('rows with the columns that are there, in each width of index', async () => {
      for (const width of [1, 2, 4] as const) {
        const levels = [3, { segments: [0, 2, 2, 3], indices: [0, 3, 1] }];
        const checkpoint = await ofTensors(sparse('w', [3, 4], [5, 6, 7], [0, 1], levels, [], width));
        assert.deepEqual(checkpoint.problems, []);
        await holds(checkpoint, 'w', [5, 0, 0, 6, 0, 0, 0, 0, 0, 7, 0, 0]);
        assert.deepEqual(find(checkpoint, 'w').encoding, { name: 'F32 sparse', byteLength: 12 });
      }
    });

    it('columns first, and rows of which none is there', async () => {
      const columns = [4, { segments: [0, 1, 2, 2, 3], indices: [0, 2, 0] }];
      const rows = [
        { segments: [0, 1], indices: [2] },
        { segments: [0, 2], indices: [0, 1] },
      ];
      const checkpoint = await ofTensors(
        sparse('columns', [3, 4], [5, 7, 6], [1, 0], columns),
        sparse('rows', [3, 2], [8, 9], [0, 1], rows),
      );
      await holds(checkpoint, 'columns', [5, 0, 0, 6, 0, 0, 0, 0, 0, 7, 0, 0]);
      await holds(checkpoint, 'rows', [0, 0, 0, 0, 8, 9]);
    });

    it('blocks that are stored whole', async () => {
      // Of the four blocks of 2 × 2, the right upper and the left lower one.
      const levels = [2, { segments: [0, 1, 2], indices: [1, 0] }, 2, 2];
      const values = ramp(8, 1);
      const checkpoint = await ofTensors(
        sparse('w', [4, 4], values, [0, 1, 2, 3], levels, [0, 1]),
        // Within a block, columns first.
        sparse('turned', [4, 4], values, [0, 1, 3, 2], levels, [0, 1]),
        // Blocks along one axis only, as those of 4 × 1 in pruned networks.
        sparse('tall', [4, 2], [1, 2], [0, 1, 2], [2, { segments: [0, 1, 1], indices: [1] }, 2], [0]),
      );
      assert.deepEqual(checkpoint.problems, []);
      await holds(checkpoint, 'w', [0, 0, 1, 2, 0, 0, 3, 4, 5, 6, 0, 0, 7, 8, 0, 0]);
      await holds(checkpoint, 'turned', [0, 0, 1, 3, 0, 0, 2, 4, 5, 7, 0, 0, 6, 8, 0, 0]);
      await holds(checkpoint, 'tall', [0, 1, 0, 2, 0, 0, 0, 0]);
    });

    it('quantised: what is not stored is the code 0', async () => {
      const levels = [2, { segments: [0, 1, 2], indices: [1, 0] }];
      const checkpoint = await ofTensors({
        name: 'w',
        shape: [2, 3],
        type: TYPE.I8,
        bytes: Uint8Array.of(6, 250),
        sparsity: sparsity([0, 1], levels),
        quantisation: quantisation({ scales: [0.5, 2], zeroPoints: [0, 0], axis: 0 }),
      });
      await holds(checkpoint, 'w', [0, 3, 0, -12, 0, 0]);
      assert.equal(find(checkpoint, 'w').encoding!.name, 'I8 per channel sparse');
    });
  });

  describe('sparse tensors that ask for too much', () => {
    const SPARSE = { 0: int(1, 1), 2: int(1, 1), 4: int(1, 1) };
    const level = (segments: Node, indices: Node): Node => table({ ...SPARSE, 3: segments, 5: indices });
    const vector = (values: readonly number[]): Node => table({ 0: numbers(values) });

    it('of levels that share their indices', async () => {
      const count = 2 ** 20;
      const zeros = vector(new Array<number>(count).fill(0));
      const deep = level(vector(ramp(count + 1)), zeros);
      const levels = tables([level(vector([0, count]), zeros), ...new Array<Node>(15).fill(deep)]);
      const checkpoint = await ofTensors({
        ...{ name: 'w', shape: new Array<number>(16).fill(2), type: TYPE.U8, bytes: new Uint8Array(count) },
        sparsity: table({ 0: numbers(ramp(16)), 2: levels }),
      });
      assert.match(find(checkpoint, 'w').unreadable!, /has 9437184 entries in its levels; more than 8388608/);
    });

    it('of few elements that would be a terabyte', async () => {
      const one = level(vector([0, 1]), vector([7]));
      const checkpoint = await ofTensors({
        ...floatTensor('w', [2 ** 20, 2 ** 18], [1]),
        sparsity: table({ 0: numbers([0, 1]), 2: tables([one, one]) }),
      });
      assert.match(find(checkpoint, 'w').unreadable!, /of 1099511627776 bytes; at most 1073741824/);
    });

    it('quantised, are read once for all of a band', async () => {
      const checkpoint = await ofTensors({
        ...{ name: 'w', shape: [3000, 1000], type: TYPE.I8, bytes: Uint8Array.of(6) },
        sparsity: table({
          0: numbers([0, 1]),
          2: tables([level(vector([0, 1]), vector([2999])), level(vector([0, 1]), vector([5]))]),
        }),
        quantisation: quantisation({ scales: [0.5], zeroPoints: [0] }),
      });
      const read = Reflect.get<FileReader, 'read'>(FileReader.prototype, 'read');
      let reads = 0;
      FileReader.prototype.read = function (this: FileReader, ...range) {
        reads++;
        return read.apply(this, range);
      };
      try {
        const values = await floats(checkpoint, 'w');
        assert.deepEqual([values.length, values[2999 * 1000 + 5], values[5]], [3_000_000, 3, 0]);
      } finally {
        FileReader.prototype.read = read;
      }
      assert.ok(reads < 10, `${reads} reads`);
    });
  });
});
