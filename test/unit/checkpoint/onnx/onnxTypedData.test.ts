import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Checkpoint } from '../../../../extension/checkpoint/checkpoint';
import { onnxFormat } from '../../../../extension/checkpoint/onnx/onnx';
import type { DType } from '../../../../extension/shared/tensors';
import {
  bytesField,
  concat,
  float32,
  float64,
  graph,
  type Message,
  model,
  packedVarints,
  tensor,
  TYPE,
  unpackedFloats,
  unpackedVarints,
  varint,
  varintField,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';

/** float_data, int32_data, int64_data, double_data, uint64_data of TensorProto. */
const FIELD = { float: 4, int32: 5, int64: 7, double: 10, uint64: 11 };

/** Every dtype in its typed field: the numbers as the field has them, and as NumPy would store the array. */
const CASES: readonly {
  dtype: DType;
  type: number;
  shape: readonly number[];
  data: Message;
  bytes: Uint8Array;
}[] = [
  {
    dtype: 'F32',
    type: TYPE.FLOAT,
    shape: [2, 2],
    data: bytesField(FIELD.float, float32(1.5, -2, 3e-40, 1e30)),
    bytes: float32(1.5, -2, 3e-40, 1e30),
  },
  {
    dtype: 'F32',
    type: TYPE.FLOAT,
    shape: [3],
    data: unpackedFloats(FIELD.float, [1, 2, -3]),
    bytes: float32(1, 2, -3),
  },
  {
    dtype: 'F64',
    type: TYPE.DOUBLE,
    shape: [2],
    data: bytesField(FIELD.double, float64(Math.PI, -1e-300)),
    bytes: float64(Math.PI, -1e-300),
  },
  {
    dtype: 'F64',
    type: TYPE.DOUBLE,
    shape: [2],
    data: concat(varint(10 * 8 + 1), float64(0.1), varint(10 * 8 + 1), float64(0.2)),
    bytes: float64(0.1, 0.2),
  },
  {
    dtype: 'I32',
    type: TYPE.INT32,
    shape: [3],
    data: packedVarints(FIELD.int32, [-(2 ** 31), -1, 2 ** 31 - 1]),
    bytes: new Uint8Array(Int32Array.of(-(2 ** 31), -1, 2 ** 31 - 1).buffer),
  },
  {
    dtype: 'I16',
    type: TYPE.INT16,
    shape: [2],
    data: unpackedVarints(FIELD.int32, [-32768, 32767]),
    bytes: new Uint8Array(Int16Array.of(-32768, 32767).buffer),
  },
  {
    dtype: 'U16',
    type: TYPE.UINT16,
    shape: [1, 2],
    data: packedVarints(FIELD.int32, [65535, 256]),
    bytes: new Uint8Array(Uint16Array.of(65535, 256).buffer),
  },
  {
    dtype: 'I8',
    type: TYPE.INT8,
    shape: [3],
    data: packedVarints(FIELD.int32, [-128, -1, 127]),
    bytes: new Uint8Array(Int8Array.of(-128, -1, 127).buffer),
  },
  {
    dtype: 'U8',
    type: TYPE.UINT8,
    shape: [3],
    data: packedVarints(FIELD.int32, [0, 128, 255]),
    bytes: Uint8Array.of(0, 128, 255),
  },
  {
    dtype: 'BOOL',
    type: TYPE.BOOL,
    shape: [3],
    data: packedVarints(FIELD.int32, [1, 0, 1]),
    bytes: Uint8Array.of(1, 0, 1),
  },
  {
    dtype: 'F16',
    type: TYPE.FLOAT16,
    shape: [3],
    data: packedVarints(FIELD.int32, [0x3c00, 0xc000, 0x7bff]),
    bytes: new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x7bff).buffer),
  },
  {
    dtype: 'I64',
    type: TYPE.INT64,
    shape: [3],
    data: packedVarints(FIELD.int64, [-(2n ** 63n), -1, 2n ** 63n - 1n]),
    bytes: new Uint8Array(BigInt64Array.of(-(2n ** 63n), -1n, 2n ** 63n - 1n).buffer),
  },
  {
    dtype: 'U32',
    type: TYPE.UINT32,
    shape: [2],
    data: packedVarints(FIELD.uint64, [0, 2 ** 32 - 1]),
    bytes: new Uint8Array(Uint32Array.of(0, 2 ** 32 - 1).buffer),
  },
  {
    dtype: 'U64',
    type: TYPE.UINT64,
    shape: [2],
    data: packedVarints(FIELD.uint64, [2n ** 64n - 1n, 1]),
    bytes: new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 1n).buffer),
  },
];

/** Types that onnxruntime's CPU provider or its JavaScript binding does not pass through. */
const UNCOMMON: typeof CASES = [
  {
    dtype: 'BF16',
    type: TYPE.BFLOAT16,
    shape: [2],
    data: packedVarints(FIELD.int32, [0x3f80, 0xc040]),
    bytes: new Uint8Array(Uint16Array.of(0x3f80, 0xc040).buffer),
  },
  {
    dtype: 'F8_E4M3',
    type: TYPE.FLOAT8E4M3FN,
    shape: [2],
    data: packedVarints(FIELD.int32, [0x38, 0xff]),
    bytes: Uint8Array.of(0x38, 0xff),
  },
  {
    dtype: 'F8_E5M2',
    type: TYPE.FLOAT8E5M2,
    shape: [2],
    data: packedVarints(FIELD.int32, [0x3c, 0x80]),
    bytes: Uint8Array.of(0x3c, 0x80),
  },
  {
    dtype: 'F8_E4M3FNUZ',
    type: 18,
    shape: [2],
    data: packedVarints(FIELD.int32, [0x38, 0x80]),
    bytes: Uint8Array.of(0x38, 0x80),
  },
  {
    dtype: 'F8_E8M0',
    type: 24,
    shape: [2],
    data: packedVarints(FIELD.int32, [0x7f, 0xff]),
    bytes: Uint8Array.of(0x7f, 0xff),
  },
  {
    dtype: 'C64',
    type: TYPE.COMPLEX64,
    shape: [2, 1],
    data: bytesField(FIELD.float, float32(1, 2, 3, 4)),
    bytes: float32(1, 2, 3, 4),
  },
  {
    dtype: 'C128',
    type: TYPE.COMPLEX128,
    shape: [1],
    data: concat(bytesField(FIELD.double, float64(1)), bytesField(FIELD.double, float64(-2))),
    bytes: float64(1, -2),
  },
];

const label = ({ dtype, shape }: { dtype: string; shape: readonly number[] }, index: number) =>
  `${dtype} ${index} [${shape.join(', ')}]`;

describe('onnx: elements in typed fields', () => {
  const { folder, opened, open: openOnnx } = openedOnnx();
  const open = (...initializers: readonly Message[]): Promise<Checkpoint> => openOnnx(model(graph({ initializers })));

  const all = [...CASES, ...UNCOMMON];
  all.forEach((example, index) => {
    it(`become little-endian bytes: ${label(example, index)}`, async () => {
      const checkpoint = await open(tensor('t', example.shape, example.type, example.data));
      assert.deepEqual(checkpoint.problems, []);
      const [info] = checkpoint.tensors;
      assert.deepEqual(
        [info!.dtype, info!.shape, info!.byteLength],
        [example.dtype, example.shape, example.bytes.length],
      );
      assert.deepEqual([...(await checkpoint.read(info!))], [...example.bytes]);
    });
  });

  it('are what onnxruntime reads from the same models', async () => {
    const { InferenceSession } = await import('onnxruntime-node');
    const examples = CASES.map((example, index) => ({ ...example, name: label(example, index) }));
    const valueInfo = ({ name, type, shape }: (typeof examples)[number]) =>
      concat(
        bytesField(1, `out ${name}`),
        bytesField(
          2,
          bytesField(
            1,
            concat(
              varintField(1, type),
              bytesField(2, concat(...shape.map((size) => bytesField(1, varintField(1, size))))),
            ),
          ),
        ),
      );
    const bytes = model(
      graph({
        nodes: examples.map(({ name }) =>
          concat(bytesField(1, name), bytesField(2, `out ${name}`), bytesField(4, 'Identity')),
        ),
        initializers: examples.map(({ name, shape, type, data }) => tensor(name, shape, type, data)),
        extra: examples.map((example) => bytesField(12, valueInfo(example))),
      }),
    );
    const file = path.join(folder, 'identity.onnx');
    writeFileSync(file, bytes);
    const checkpoint = await onnxFormat.open(file);
    opened.push(checkpoint);
    const session = await InferenceSession.create(bytes);
    try {
      const outputs = await session.run({});
      assert.equal(checkpoint.tensors.length, examples.length);
      for (const info of checkpoint.tensors) {
        const { data } = outputs[`out ${info.name}`]!;
        assert.ok(ArrayBuffer.isView(data));
        const expected = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        assert.deepEqual([...(await checkpoint.read(info))], [...expected], info.name);
      }
    } finally {
      await session.release();
    }
  });

  it('are read by rows in any order, across packed pieces and single fields', async () => {
    const values = Array.from({ length: 60_000 }, (_, index) => (index * 7919) % 100_003);
    const checkpoint = await open(
      tensor(
        't',
        [600, 100],
        TYPE.INT32,
        packedVarints(FIELD.int32, values.slice(0, 30_050)),
        unpackedVarints(FIELD.int32, values.slice(30_050, 45_000)),
        packedVarints(FIELD.int32, values.slice(45_000)),
      ),
    );
    const [info] = checkpoint.tensors;
    const rows = async (start: number, end: number) => [
      ...new Int32Array((await checkpoint.read(info!, { start, end })).slice().buffer),
    ];
    for (const [start, end] of [
      [0, 200],
      [200, 301],
      [301, 460],
      [460, 600],
      [599, 600],
      [100, 500],
      [0, 600],
      [7, 7],
      [450, 451],
    ] as const) {
      assert.deepEqual(await rows(start, end), values.slice(start * 100, end * 100), `rows ${start} to ${end}`);
    }
    const [whole, part] = await Promise.all([rows(0, 600), rows(300, 400)]);
    assert.deepEqual([whole, part], [values, values.slice(30_000, 40_000)]);
  });

  const wrong: readonly { what: string; tensor: Message; says: RegExp }[] = [
    {
      what: 'a field of another type',
      tensor: tensor('bad', [1], TYPE.INT8, bytesField(FIELD.float, float32(1))),
      says: /I8 elements in a field for F32, C64/,
    },
    {
      what: 'two fields at once',
      tensor: tensor('bad', [1], TYPE.FLOAT, bytesField(FIELD.float, float32(1)), bytesField(9, float32(1))),
      says: /two fields/,
    },
    {
      what: 'too few numbers',
      tensor: tensor('bad', [3], TYPE.FLOAT, bytesField(FIELD.float, float32(1, 2))),
      says: /needs 3 numbers/,
    },
    {
      what: 'too many numbers',
      tensor: tensor('bad', [1], TYPE.DOUBLE, bytesField(FIELD.double, float64(1, 2))),
      says: /needs 1 numbers/,
    },
    {
      what: 'more bytes than so many varints can have',
      tensor: tensor('bad', [1], TYPE.INT64, packedVarints(FIELD.int64, new Array<number>(11).fill(1))),
      says: /needs 1 numbers/,
    },
    { what: 'no data', tensor: tensor('bad', [2], TYPE.FLOAT), says: /no data/ },
    {
      what: 'raw data of another size',
      tensor: tensor('bad', [2], TYPE.FLOAT, bytesField(9, float32(1))),
      says: /holds 4 bytes.*needs 8/,
    },
  ];
  for (const { what, tensor: bad, says } of wrong) {
    it(`are refused with ${what}`, async () => {
      const checkpoint = await open(bad, tensor('good', [1], TYPE.FLOAT, bytesField(9, float32(1))));
      assert.deepEqual(
        checkpoint.tensors.map(({ name }) => name),
        ['good'],
      );
      const [problem, ...others] = checkpoint.problems;
      assert.deepEqual(others, []);
      assert.deepEqual([problem!.code, problem!.tensor], ['malformed', 'bad']);
      assert.match(problem!.message, says);
      assert.equal(typeof problem!.offset, 'number');
    });
  }

  const unreadable: readonly { what: string; type: number; data: Message; shape: number[]; says: RegExp }[] = [
    { what: 'outside its type', type: TYPE.INT8, data: packedVarints(5, [1, 128]), shape: [2], says: /128.*I8/ },
    { what: 'negative in an unsigned type', type: TYPE.FLOAT16, data: packedVarints(5, [-1]), shape: [1], says: /-1/ },
    { what: 'beyond 32 bits', type: TYPE.UINT32, data: packedVarints(11, [2 ** 32]), shape: [1], says: /U32/ },
    { what: 'missing', type: TYPE.INT32, data: packedVarints(5, [300]), shape: [2], says: /fewer elements/ },
    { what: 'left over', type: TYPE.INT32, data: packedVarints(5, [1, 2]), shape: [1], says: /more elements/ },
    {
      what: 'cut by its field',
      type: TYPE.INT32,
      data: bytesField(5, Uint8Array.of(1, 0x80)),
      shape: [2],
      says: /runs beyond/,
    },
  ];
  for (const { what, type, data, shape, says } of unreadable) {
    it(`give an error when a number is ${what}`, async () => {
      const checkpoint = await open(tensor('t', shape, type, data));
      await assert.rejects(checkpoint.read(checkpoint.tensors[0]!), (error: Error) => {
        assert.equal(error.name, 'CheckpointError');
        assert.match(error.message, says);
        assert.match(error.message, /tensor t, byte \d+/);
        return true;
      });
    });
  }

  it('need no data where there are no elements', async () => {
    const checkpoint = await open(tensor('t', [0], TYPE.INT64));
    assert.deepEqual(checkpoint.problems, []);
    assert.deepEqual([...(await checkpoint.read(checkpoint.tensors[0]!))], []);
  });
});
