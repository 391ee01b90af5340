/** TensorFlow Lite models as the schema describes them: what is listed, how it is decoded, and which axes kernels have. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import type { Checkpoint, TensorInfo } from '../../../../extension/checkpoint/checkpoint';
import { FileReader } from '../../../../extension/checkpoint/files/fileReader';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { tfliteFormat } from '../../../../extension/checkpoint/tflite/tflite';
import {
  bytesVector,
  int,
  numbers,
  table,
  tables,
  text,
  type Node,
} from '../../../harness/checkpoints/flatbufferWriter';
import { formatFolder } from '../../../harness/checkpoints/formatFolder';
import {
  blockwise,
  float32,
  floatTensor,
  OPERATOR,
  quantisation,
  sparsity,
  tfliteFile,
  TYPE,
  type WrittenModel,
  type WrittenTensor,
} from '../../../harness/checkpoints/tfliteWriter';

const ramp = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i);

describe('TensorFlow Lite models', () => {
  const { open, write } = formatFolder(tfliteFormat, 'model.tflite');
  let files = 0;

  const opened = (model: WrittenModel): Promise<Checkpoint> => open(tfliteFile(model), `model${files++}.tflite`);
  const ofTensors = (...tensors: WrittenTensor[]): Promise<Checkpoint> => opened({ subgraphs: [{ tensors }] });

  const find = ({ tensors }: Checkpoint, name: string): TensorInfo => tensors.find((tensor) => tensor.name === name)!;

  async function floats(
    checkpoint: Checkpoint,
    name: string,
    rows?: { start: number; end: number },
  ): Promise<number[]> {
    const tensor = find(checkpoint, name);
    assert.equal(tensor.dtype, 'F32');
    return [...new Float32Array((await checkpoint.read(tensor, rows)).slice().buffer)];
  }

  /** The tensor's numbers are the expected ones, as a whole and row by row. */
  async function holds(checkpoint: Checkpoint, name: string, expected: readonly number[]): Promise<void> {
    const values = expected.map(Math.fround);
    assert.deepEqual(await floats(checkpoint, name), values);
    const rows = find(checkpoint, name).shape[0]!;
    const inRows: number[] = [];
    for (let row = 0; row < rows; row++) inRows.push(...(await floats(checkpoint, name, { start: row, end: row + 1 })));
    assert.deepEqual(inRows, values);
  }

  it('gives every element type as it is stored', async () => {
    const sizes = { F32: 4, F16: 2, I32: 4, U8: 1, I64: 8, BOOL: 1, I16: 2, C64: 8, I8: 1, F64: 8, C128: 16 } as const;
    const others = { U64: 8, U32: 4, U16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 } as const;
    const types = Object.entries({ ...sizes, ...others }) as [keyof typeof TYPE, number][];
    const tensors = types.map(([name, size], i) => ({
      name,
      shape: [3, 2],
      type: TYPE[name],
      bytes: Uint8Array.from(ramp(6 * size, i)),
    }));
    const checkpoint = await ofTensors(...tensors);
    assert.deepEqual(checkpoint.problems, []);
    assert.equal(checkpoint.format, 'tflite');
    for (const [i, [name, size]] of types.entries()) {
      const tensor = checkpoint.tensors[i]!;
      assert.deepEqual([tensor.name, tensor.dtype, tensor.shape, tensor.encoding], [name, name, [3, 2], undefined]);
      assert.deepEqual(await checkpoint.read(tensor), tensors[i]!.bytes);
      const band = await checkpoint.read(tensor, { start: 1, end: 3 });
      assert.deepEqual(band, tensors[i]!.bytes.slice(2 * size));
    }
  });

  it('lists constants only, scalars and empty names among them', async () => {
    const checkpoint = await ofTensors(
      { name: 'input', shape: [1, 4], type: TYPE.F32 },
      { name: 'scalar', type: TYPE.F32, bytes: float32([2.5]) },
      { shape: [2], type: TYPE.F32, bytes: float32([1, 2]) },
      { name: 'state', shape: [4], type: TYPE.F32, fields: { 5: int(1, 1) } },
    );
    assert.deepEqual(
      checkpoint.tensors.map(({ name, shape }) => [name, shape]),
      [
        ['scalar', []],
        ['tensor[2]', [2]],
      ],
    );
    assert.deepEqual(await floats(checkpoint, 'scalar'), [2.5]);
  });

  it('unpacks elements of less than a byte, the lowest bits first, rows that begin within a byte too', async () => {
    const checkpoint = await ofTensors(
      { name: 'I4', shape: [3, 3], type: TYPE.I4, bytes: Uint8Array.of(0x21, 0x83, 0xf7, 0x50, 0x0c) },
      { name: 'U4', shape: [2, 1], type: TYPE.U4, bytes: Uint8Array.of(0xf1) },
      { name: 'I2', shape: [5], type: TYPE.I2, bytes: Uint8Array.of(0b11_10_01_00, 0b01) },
    );
    const read = async (name: string, rows?: { start: number; end: number }): Promise<number[]> => {
      const bytes = await checkpoint.read(find(checkpoint, name), rows);
      return find(checkpoint, name).dtype === 'I8' ? [...new Int8Array(bytes)] : [...bytes];
    };
    assert.deepEqual(await read('I4'), [1, 2, 3, -8, 7, -1, 0, 5, -4]);
    assert.deepEqual(await read('I4', { start: 1, end: 2 }), [-8, 7, -1]);
    assert.deepEqual(await read('U4'), [1, 15]);
    assert.deepEqual(await read('I2'), [0, 1, -2, -1, 1]);
    assert.deepEqual(find(checkpoint, 'I4').encoding, { name: 'I4', byteLength: 5 });
  });

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

  it('the operator that takes a kernel tells the order of its axes, also behind DEQUANTIZE and DENSIFY', async () => {
    const kernel = (name: string): WrittenTensor => floatTensor(name, [2, 1, 1, 2], ramp(4));
    const computed = { shape: [2, 1, 1, 2], type: TYPE.F32 };
    const checkpoint = await opened({
      subgraphs: [
        {
          tensors: [
            ...['conv', 'depthwise', 'transposed', 'custom', 'other'].map(kernel),
            ...[kernel('half'), computed, computed],
            kernel('volume'),
          ],
          operators: [
            { code: OPERATOR.DENSIFY, inputs: [5], outputs: [6] },
            { code: OPERATOR.DEQUANTIZE, inputs: [6], outputs: [7] },
            { code: OPERATOR.CONV_2D, inputs: [9, 7, -1] },
            { code: OPERATOR.CONV_2D, inputs: [9, 0, -1] },
            { code: OPERATOR.DEPTHWISE_CONV_2D, inputs: [9, 1] },
            { code: OPERATOR.TRANSPOSE_CONV, inputs: [9, 2, 9] },
            { code: OPERATOR.CUSTOM, custom: 'Convolution2DTransposeBias', inputs: [9, 3, 9] },
            { code: OPERATOR.CUSTOM, custom: 'Something', inputs: [9, 4, 9] },
            { code: OPERATOR.CONV_3D, inputs: [9, 8] },
            { code: OPERATOR.GELU, inputs: [9] },
          ],
        },
      ],
    });
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(Object.fromEntries(checkpoint.tensors.map(({ name, kernelLayout }) => [name, kernelLayout])), {
      conv: 'O…I',
      depthwise: '…O',
      transposed: 'O…I',
      custom: 'O…I',
      other: '…IO',
      half: 'O…I',
      volume: '…IO',
    });
    assert.equal(
      checkpoint.metadata['operators'],
      '2 CONV_2D, 1 DENSIFY, 1 DEQUANTIZE, 1 DEPTHWISE_CONV_2D, 1 TRANSPOSE_CONV, ' +
        '1 custom Convolution2DTransposeBias, 1 custom Something, 1 CONV_3D, 1 GELU',
    );
  });

  it('finds buffers behind the FlatBuffer, where models beyond 2 GB have them', async () => {
    const tensors = [floatTensor('a', [2, 2], ramp(4)), floatTensor('b', [3], ramp(3, 9))];
    const checkpoint = await opened({ subgraphs: [{ tensors }], behind: true });
    assert.deepEqual(checkpoint.problems, []);
    await holds(checkpoint, 'a', ramp(4));
    await holds(checkpoint, 'b', ramp(3, 9));
  });

  it('names of several subgraphs are unique; a weight that they share is one tensor', async () => {
    const shared = floatTensor('w', [2], [1, 2]);
    const checkpoint = await opened({
      subgraphs: [
        { tensors: [shared, { ...shared, name: 'tied' }, floatTensor('v', [1], [1]), floatTensor('v', [1], [2])] },
        {
          name: 'decode',
          tensors: [{ ...shared, name: 'w2' }, floatTensor('v', [1], [3]), floatTensor('u', [1], [4])],
        },
        { tensors: [floatTensor('u', [1], [5])] },
      ],
    });
    assert.deepEqual(
      checkpoint.tensors.map(({ name, sharedWith }) => (sharedWith ? `${name} = ${sharedWith}` : name)),
      ['w', 'tied = w', 'v', 'v #2', 'decode/v', 'u', 'subgraph[2]/u'],
    );
    const values = await Promise.all(['v', 'v #2', 'decode/v', 'u', 'subgraph[2]/u'].map((n) => floats(checkpoint, n)));
    assert.deepEqual(values.flat(), [1, 2, 3, 4, 5]);
    assert.equal(checkpoint.metadata['subgraphs'], '3');
  });

  it('weights that are in other files are each listed: nothing tells that they are one', async () => {
    const elsewhere = (name: string): WrittenTensor => ({
      ...{ name, shape: [2, 2], type: TYPE.F32, fields: { 10: int(1, 4) } },
    });
    const checkpoint = await opened({
      subgraphs: [{ tensors: [elsewhere('a'), elsewhere('b')] }, { tensors: [elsewhere('c')] }],
    });
    assert.deepEqual(
      checkpoint.tensors.map(({ name, sharedWith }) => [name, sharedWith]),
      [
        ['a', undefined],
        ['b', undefined],
        ['c', undefined],
      ],
    );
  });

  it('tells what describes the model', async () => {
    const { metadata } = await opened({
      subgraphs: [{ tensors: [floatTensor('w', [1], [1])], operators: [{ code: OPERATOR.ADD, inputs: [0, 0] }] }],
      description: 'Converted, für Tests.',
      signatures: ['prefill', 'decode'],
      metadata: [
        { name: 'TFLITE_METADATA', bytes: new Uint8Array(8) },
        { name: 'min_runtime_version', bytes: Buffer.from('2.14.0\0\0\0\0\0\0\0\0\0\0') },
      ],
    });
    assert.deepEqual(metadata, {
      version: '3',
      description: 'Converted, für Tests.',
      signatures: 'prefill, decode',
      metadata: 'TFLITE_METADATA, min_runtime_version',
      min_runtime_version: '2.14.0',
      operators: '1 ADD',
    });
  });

  it('does not make one long name again and again', async () => {
    const kind = table({ 0: int(OPERATOR.CUSTOM, 1), 1: text('x'.repeat(4096)), 3: int(OPERATOR.CUSTOM, 4) });
    const model = { subgraphs: [{ tensors: [floatTensor('w', [1], [1])] }] };
    await assert.rejects(opened({ ...model, fields: { 1: tables(new Array<typeof kind>(10_000).fill(kind)) } }), {
      code: 'limit',
      message: /names of more than/,
    });
  });

  it('lists what it cannot read, with the reason', async () => {
    const details = (type: number) =>
      quantisation({ details: { type, value: table({ 0: bytesVector(Uint8Array.of(1)) }) } });
    const codes = { shape: [2, 2], type: TYPE.I8, bytes: Uint8Array.of(1, 2, 3, 4) };
    const checkpoint = await opened({
      subgraphs: [
        {
          tensors: [
            { name: 'labels', shape: [1], type: TYPE.STRING, bytes: Buffer.from('\x01\0\0\0\x0c\0\0\0\x0d\0\0\0a') },
            { name: 'table', shape: [1], type: TYPE.RESOURCE, bytes: new Uint8Array(4) },
            { name: 'new', shape: [2], type: 99, bytes: new Uint8Array(4) },
            { ...codes, name: 'custom', quantisation: details(1) },
            { ...codes, name: 'axes', quantisation: details(3) },
            { name: 'elsewhere', shape: [2], type: TYPE.F32, fields: { 10: int(1, 4) } },
            { ...codes, bytes: Uint8Array.of(4, 3, 2, 1), name: 'shuffled' },
            floatTensor('plain', [1], [1]),
          ],
          operators: [
            {
              code: OPERATOR.FULLY_CONNECTED,
              inputs: [9, 6],
              options: { type: 8, value: table({ 1: int(1, 1) }) },
            },
            { code: OPERATOR.FULLY_CONNECTED, inputs: [9, 7], options: { type: 8, value: table({}) } },
          ],
        },
      ],
    });
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual(
      checkpoint.tensors.map(({ unreadable }) => unreadable),
      [
        'holds text',
        'has the element type RESOURCE',
        'has the element type type 99',
        'is quantised in a way that only the program knows which wrote it',
        'is quantised along several axes at once, of which no model is known',
        'its elements are in another file, which is not read',
        'its rows and columns are shuffled for one kind of processor',
        undefined,
      ],
    );
    await assert.rejects(checkpoint.read(find(checkpoint, 'labels')), { code: 'unsupported', message: /holds text/ });
  });

  it('is known by its identifier under any name, and refused under its own without it', async () => {
    const bytes = tfliteFile({ subgraphs: [{ tensors: [floatTensor('w', [1], [1])] }] });
    for (const name of ['model.tflite', 'weights.bin', 'model']) {
      const checkpoint = await openModel(write(bytes, name));
      assert.equal(checkpoint.format, 'tflite');
      await checkpoint.close();
    }
    bytes.write('TFL2', 4);
    await assert.rejects(openModel(write(bytes, 'old.tflite')), { code: 'unknown-format', message: /"TFL2"/ });
    await assert.rejects(openModel(write(Buffer.from('TFL'), 'cut.tflite')), { code: 'truncated' });
  });

  it('stops when it is told to, and notices a file that changed', async () => {
    const file = write(tfliteFile({ subgraphs: [{ tensors: [floatTensor('w', [2], [1, 2])] }] }), 'changing.tflite');
    await assert.rejects(tfliteFormat.open(file, AbortSignal.abort()), { name: 'AbortError' });
    const checkpoint = await tfliteFormat.open(file);
    const [w] = checkpoint.tensors;
    await assert.rejects(checkpoint.read(w!, undefined, AbortSignal.abort()), { name: 'AbortError' });
    await assert.rejects(checkpoint.read({ ...w!, name: 'v' }), { code: 'malformed' });
    appendFileSync(file, 'x');
    await assert.rejects(checkpoint.read(w!), { code: 'changed' });
    writeFileSync(file, 'gone');
    await assert.rejects(checkpoint.read(w!), { code: 'changed' });
    await checkpoint.close();
  });
});
