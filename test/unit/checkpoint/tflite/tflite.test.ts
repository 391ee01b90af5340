/** TensorFlow Lite models as the schema describes them: what is listed, how it is stored, and which axes kernels have. */
import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { openModel } from '../../../../extension/checkpoint/openModel';
import { tfliteFormat } from '../../../../extension/checkpoint/tflite/tflite';
import { bytesVector, int, table, tables, text } from '../../../harness/checkpoints/flatbufferWriter';
import {
  float32,
  floatTensor,
  OPERATOR,
  quantisation,
  tfliteFile,
  TYPE,
  type WrittenTensor,
} from '../../../harness/checkpoints/tfliteWriter';
import { tfliteModels, ramp } from '../../../harness/checkpoints/tfliteModels';

describe('TensorFlow Lite models', () => {
  const { opened, ofTensors, find, floats, holds, write } = tfliteModels();

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
