/** Quantised weights of ONNX models: what we decode is, to the bit, what onnxruntime's operators compute with. */
import assert from 'node:assert/strict';
import { onnxruntimeOutput, packed, rawTensor, scalesTensor, unitCodes, unitMatrix } from '../../../harness/onnxRun';
import {
  attribute,
  bytesField,
  graph,
  intAttribute,
  type Message,
  node,
  runnableModel,
  TYPE,
} from '../../../harness/checkpoints/onnxWriter';
import { openedOnnx } from '../../../harness/checkpoints/openedOnnx';
import { integers } from '../../../harness/checkpoints/quantisedFixtures';

const MICROSOFT = 'com.microsoft';

/** Scales that are no powers of two, so that products round. */
const scalesOf = (count: number, seed: number): number[] => integers(count, 900, seed).map((n) => (n + 37) / 4099);

/** Scales whose products with codes of 8 bits are whole multiples of 1/4. */
const exactScales = (count: number, seed: number): number[] => integers(count, 3, seed).map((n) => 2 ** (n - 2));

const bytesOf = (values: readonly number[]): Uint8Array => Uint8Array.from(values, (value) => value & 255);

const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

interface Example {
  readonly what: string;
  readonly nodes: readonly Message[];
  readonly initializers: readonly Message[];
  /** Of the weight, which is called `w`. */
  readonly shape: readonly number[];
  readonly encoding: string;
  /** Tensors listed beside it. */
  readonly others?: readonly string[];
  /** The output's elements as the weight's; without it they are the weight. */
  readonly weight?: (output: ArrayLike<number>) => ArrayLike<number>;
  readonly outputType?: number;
}

/** `output` is cols × rows. */
const transposed =
  (rows: number, cols: number) =>
  (output: ArrayLike<number>): number[] =>
    Array.from({ length: rows * cols }, (_, i) => output[(i % cols) * rows + Math.floor(i / cols)]!);

/** Element types of codes: how many bits they have, the least value, and the number that TensorProto gives them. */
const KINDS = {
  I8: { bits: 8, least: -128, type: TYPE.INT8 },
  U8: { bits: 8, least: 0, type: TYPE.UINT8 },
  I16: { bits: 16, least: -(2 ** 15), type: TYPE.INT16 },
  U16: { bits: 16, least: 0, type: TYPE.UINT16 },
  I4: { bits: 4, least: -8, type: TYPE.INT4 },
  U4: { bits: 4, least: 0, type: TYPE.UINT4 },
} as const;

type Kind = keyof typeof KINDS;

function codes(name: string, dims: readonly number[], kind: Kind, seed: number): Message {
  const { bits, least, type } = KINDS[kind];
  const values = integers(product(dims), 2 ** bits, seed).map((code) => code + least);
  return rawTensor(name, dims, type, packed(values, bits));
}

function dequantise(
  what: string,
  shape: readonly number[],
  kind: Kind,
  parameter: readonly number[],
  { zero = true, ...attributes }: { zero?: boolean; axis?: number; block_size?: number },
  granularity: string,
): Example {
  const inputs = ['w', 's', ...(zero ? ['z'] : [])];
  return {
    what: `DequantizeLinear, ${what}`,
    shape,
    encoding: `${kind} ${granularity}`,
    initializers: [
      codes('w', shape, kind, 1),
      scalesTensor('s', parameter, scalesOf(product(parameter), 2)),
      ...(zero ? [codes('z', parameter, kind, 3)] : []),
    ],
    nodes: [node('DequantizeLinear', { inputs, output: 'out', attributes: integerAttributes(attributes) })],
  };
}

function integerAttributes(values: Readonly<Record<string, number | undefined>>): Message[] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [intAttribute(name, value)]));
}

const DEQUANTISED: readonly Example[] = [
  dequantise('one scale', [5, 7], 'I8', [], {}, 'per tensor'),
  dequantise('one scale in a list', [5, 7], 'U8', [1], {}, 'per tensor'),
  dequantise('no zero point', [5, 7], 'I8', [], { zero: false }, 'per tensor'),
  dequantise('16 bits', [5, 7], 'I16', [], {}, 'per tensor'),
  dequantise('16 bits without sign', [6, 3], 'U16', [6], { axis: 0 }, 'per axis 0'),
  dequantise('rows', [9, 4], 'I8', [9], { axis: 0 }, 'per axis 0'),
  dequantise('columns', [9, 4], 'U8', [4], {}, 'per axis 1'),
  dequantise('output channels of a convolution', [4, 3, 2, 2], 'I8', [4], { axis: 0 }, 'per axis 0'),
  dequantise('an axis in the middle', [4, 3, 2, 2], 'I8', [3], { axis: -3 }, 'per axis 1'),
  dequantise('4 bits', [5, 7], 'U4', [], {}, 'per tensor'),
  dequantise('4 bits, columns', [5, 7], 'I4', [7], { axis: -1 }, 'per axis 1'),
  dequantise('blocks of rows', [10, 3], 'U4', [3, 3], { axis: 0, block_size: 4 }, 'g4'),
  dequantise('blocks of columns', [3, 10], 'I4', [3, 3], { axis: 1, block_size: 4 }, 'g4'),
  dequantise('blocks in the middle', [3, 6, 5], 'I8', [3, 2, 5], { axis: 1, block_size: 3 }, 'g3'),
  dequantise('blocks without zero points', [4, 8], 'I8', [4, 2], { zero: false, axis: 1, block_size: 4 }, 'g4'),
  {
    what: 'DequantizeLinear of a bias of 32 bits',
    shape: [6],
    encoding: 'I32 per axis 0',
    initializers: [
      rawTensor('w', [6], TYPE.INT32, packed([1, -2, 300_000, -4_000_000, 5, 0], 32)),
      scalesTensor('s', [6], scalesOf(6, 5)),
    ],
    nodes: [node('DequantizeLinear', { inputs: ['w', 's'], output: 'out', attributes: [intAttribute('axis', 0)] })],
  },
  ...(['FLOAT8E4M3FN', 'FLOAT8E4M3FNUZ', 'FLOAT8E5M2', 'FLOAT8E5M2FNUZ'] as const).map((name): Example => {
    const names = { FLOAT8E4M3FN: 'F8_E4M3', FLOAT8E4M3FNUZ: 'F8_E4M3FNUZ', FLOAT8E5M2: 'F8_E5M2' };
    // Below the codes of infinities and NaN.
    const bytes = bytesOf(integers(24, 120, 8).map((code, i) => code + (i % 2) * 128));
    return {
      what: `DequantizeLinear of ${name}`,
      shape: [4, 6],
      encoding: `${name === 'FLOAT8E5M2FNUZ' ? 'F8_E5M2FNUZ' : names[name]} per tensor`,
      initializers: [rawTensor('w', [4, 6], TYPE[name], bytes), scalesTensor('s', [], [0.37])],
      nodes: [node('DequantizeLinear', { inputs: ['w', 's'], output: 'out' })],
    };
  }),
  {
    what: 'DequantizeLinear of Constant nodes',
    shape: [3, 4],
    encoding: 'I8 per tensor',
    initializers: [],
    nodes: [
      ...[codes('', [3, 4], 'I8', 4), scalesTensor('', [], [0.3]), codes('', [], 'I8', 6)].map((value, i) =>
        node('Constant', { output: ['w', 's', 'z'][i]!, attributes: [attribute('value', typedTensor(value))] }),
      ),
      node('DequantizeLinear', { inputs: ['w', 's', 'z'], output: 'out' }),
    ],
  },
  {
    what: 'DequantizeLinear behind the lookup of an embedding',
    shape: [4, 6],
    encoding: 'U8 per tensor',
    others: ['all'],
    initializers: [
      codes('w', [4, 6], 'U8', 9),
      scalesTensor('s', [], [0.7]),
      codes('z', [], 'U8', 2),
      rawTensor('all', [4], TYPE.INT64, packed([0, 0, 1, 0, 2, 0, 3, 0], 32)),
    ],
    nodes: [
      node('Gather', { inputs: ['w', 'all'], output: 'rows' }),
      node('DequantizeLinear', { inputs: ['rows', 's', 'z'], output: 'out' }),
    ],
  },
  {
    what: 'DequantizeLinear of com.microsoft',
    shape: [4, 6],
    encoding: 'U16 per axis 0',
    initializers: [codes('w', [4, 6], 'U16', 9), scalesTensor('s', [4], scalesOf(4, 1)), codes('z', [4], 'U16', 2)],
    nodes: [
      node('DequantizeLinear', {
        inputs: ['w', 's', 'z'],
        output: 'out',
        domain: MICROSOFT,
        attributes: [intAttribute('axis', 0)],
      }),
    ],
  },
];

/** An attribute's tensor (field 5), with the type that onnxruntime asks for. */
function typedTensor(value: Message): Message {
  return Uint8Array.from([...bytesField(5, value), 0xa0, 0x01, 4]);
}

/** Codes whose products with exact scales are codes again, so that what an operator makes of them is the weight. */
function operator(
  name: string,
  inputs: readonly string[],
  domain?: string,
  attributes: Readonly<Record<string, number>> = {},
): Message {
  return node(name, { inputs, output: 'out', ...(domain && { domain }), attributes: integerAttributes(attributes) });
}

/** A quantised input that is the unit matrix, and an output of scale 1/4. */
const unitInput = (size: number, dims = [size, size]): Message[] => [
  unitCodes('x', dims, size),
  scalesTensor('xs', [], [1]),
  rawTensor('xz', [], TYPE.UINT8, bytesOf([0])),
  scalesTensor('ys', [], [0.25]),
  rawTensor('yz', [], TYPE.UINT8, bytesOf([128])),
];

const small = (name: string, dims: readonly number[], seed: number): Message =>
  rawTensor(name, dims, TYPE.INT8, bytesOf(integers(product(dims), 15, seed).map((code) => code - 7)));

const quarters = (output: ArrayLike<number>): number[] => Array.from(output, (value) => (value - 128) / 4);

/** The unit matrix is a weight, too, for those who can multiply two. */
const UNIT_NAMES = ['x', 'ys', 'yz'];

const COMPUTED: readonly Example[] = [
  {
    what: 'QLinearMatMul, one scale',
    shape: [6, 5],
    encoding: 'I8 per tensor',
    others: UNIT_NAMES,
    initializers: [...unitInput(6), small('w', [6, 5], 1), scalesTensor('s', [], [0.5]), small('z', [], 2)],
    nodes: [operator('QLinearMatMul', ['x', 'xs', 'xz', 'w', 's', 'z', 'ys', 'yz'])],
    weight: quarters,
    outputType: TYPE.UINT8,
  },
  {
    what: 'QLinearMatMul, columns',
    shape: [6, 5],
    encoding: 'I8 per axis 1',
    others: UNIT_NAMES,
    initializers: [
      ...unitInput(6),
      small('w', [6, 5], 1),
      scalesTensor('s', [5], exactScales(5, 3)),
      rawTensor('z', [5], TYPE.INT8, new Uint8Array(5)),
    ],
    nodes: [operator('QLinearMatMul', ['x', 'xs', 'xz', 'w', 's', 'z', 'ys', 'yz'])],
    weight: quarters,
    outputType: TYPE.UINT8,
  },
  {
    what: 'QLinearConv, output channels',
    shape: [4, 3, 1, 1],
    encoding: 'I8 per axis 0',
    others: ['x', 'xs', 'xz', 'ys', 'yz'],
    initializers: [
      ...unitInput(3, [1, 3, 3, 1]),
      small('w', [4, 3, 1, 1], 1),
      scalesTensor('s', [4], exactScales(4, 3)),
      rawTensor('z', [4], TYPE.INT8, new Uint8Array(4)),
    ],
    nodes: [operator('QLinearConv', ['x', 'xs', 'xz', 'w', 's', 'z', 'ys', 'yz'])],
    weight: quarters,
    outputType: TYPE.UINT8,
  },
  ...[0, 1].map((transB): Example => ({
    what: `QGemm, transB ${transB}`,
    shape: transB ? [5, 6] : [6, 5],
    encoding: `I8 per axis ${1 - transB}`,
    others: ['x', 'xs', 'xz'],
    initializers: [
      ...unitInput(6).slice(0, 3),
      small('w', transB ? [5, 6] : [6, 5], 1),
      scalesTensor('s', [5], scalesOf(5, 3)),
      small('z', [5], 4),
    ],
    nodes: [operator('QGemm', ['x', 'xs', 'xz', 'w', 's', 'z'], MICROSOFT, { transB, transA: 0 })],
    ...(transB && { weight: transposed(5, 6) }),
  })),
  {
    what: 'MatMulIntegerToFloat, columns',
    shape: [6, 5],
    encoding: 'U8 per axis 1',
    others: ['x', 'xs', 'xz'],
    initializers: [
      ...unitInput(6).slice(0, 3),
      codes('w', [6, 5], 'U8', 1),
      scalesTensor('s', [5], scalesOf(5, 3)),
      codes('z', [5], 'U8', 4),
    ],
    nodes: [operator('MatMulIntegerToFloat', ['x', 'w', 'xs', 's', 'xz', 'z'], MICROSOFT)],
  },
  ...[[], [5], [1, 5]].map((dims): Example => ({
    what: `MatMulInteger, scale [${dims.join(', ')}] in the product behind it`,
    shape: [6, 5],
    encoding: dims.length > 0 ? 'U8 per axis 1' : 'U8 per tensor',
    others: ['x', 'xz'],
    initializers: [
      ...unitInput(6).filter((_, i) => i === 0 || i === 2),
      codes('w', [6, 5], 'U8', 1),
      scalesTensor('s', dims, scalesOf(product(dims), 3)),
      codes('z', [], 'U8', 4),
    ],
    nodes: [
      // What DynamicQuantizeLinear computes, and a constant is not.
      node('Cast', { inputs: ['xz'], output: 'zero', attributes: [intAttribute('to', TYPE.FLOAT)] }),
      node('Exp', { inputs: ['zero'], output: 'xs' }),
      node('MatMulInteger', { inputs: ['x', 'w', 'xz', 'z'], output: 'sums' }),
      node('Cast', { inputs: ['sums'], output: 'floats', attributes: [intAttribute('to', TYPE.FLOAT)] }),
      node('Mul', { inputs: ['xs', 's'], output: 'scales' }),
      node('Mul', { inputs: ['floats', 'scales'], output: 'out' }),
    ],
  })),
  {
    what: 'ConvInteger, output channels in the product behind it',
    shape: [4, 3, 1, 1],
    encoding: 'U8 per axis 0',
    others: ['x'],
    initializers: [
      unitCodes('x', [1, 3, 3, 1], 3),
      codes('w', [4, 3, 1, 1], 'U8', 1),
      scalesTensor('s', [4, 1, 1], scalesOf(4, 3)),
    ],
    nodes: [
      node('ConvInteger', { inputs: ['x', 'w'], output: 'sums' }),
      node('Cast', { inputs: ['sums'], output: 'floats', attributes: [intAttribute('to', TYPE.FLOAT)] }),
      node('Mul', { inputs: ['floats', 's'], output: 'out' }),
    ],
  },
];

interface Blocks {
  readonly bits: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly block: number;
  readonly zero?: 'packed' | 'float';
}

function blockMatMul({ bits, inputs, outputs, block, zero }: Blocks): Example {
  const blocks = Math.ceil(inputs / block);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  const bytes = (count: number, seed: number): Uint8Array => bytesOf(integers(count, 256, seed));
  const zeros =
    zero === 'packed'
      ? rawTensor('z', [outputs * zeroBytes], TYPE.UINT8, bytes(outputs * zeroBytes, 5))
      : scalesTensor('z', [outputs * blocks], exactScales(outputs * blocks, 5));
  return {
    what: `MatMulNBits, ${bits} bits, ${inputs} inputs, zero points ${zero ?? 'none'}`,
    shape: [outputs, inputs],
    encoding: `MatMulNBits ${bits}-bit g${block}`,
    others: ['x'],
    initializers: [
      unitMatrix('x', inputs),
      rawTensor(
        'w',
        [outputs, blocks, (block * bits) / 8],
        TYPE.UINT8,
        bytes((outputs * blocks * block * bits) / 8, 3),
      ),
      scalesTensor('s', [outputs * blocks], (zero === 'float' ? exactScales : scalesOf)(outputs * blocks, 4)),
      ...(zero ? [zeros] : []),
    ],
    nodes: [
      operator('MatMulNBits', ['x', 'w', 's', ...(zero ? ['z'] : [])], MICROSOFT, {
        ...{ K: inputs, N: outputs, bits, block_size: block },
      }),
    ],
    weight: transposed(outputs, inputs),
  };
}

/** A product's sum with zeros would lose its sign. */
const withoutNegativeZero = (code: number): number => (code < 8 ? code : code + 1);

const BLOCKS: readonly Example[] = [
  blockMatMul({ bits: 4, inputs: 64, outputs: 5, block: 32 }),
  blockMatMul({ bits: 4, inputs: 96, outputs: 5, block: 32, zero: 'packed' }),
  blockMatMul({ bits: 4, inputs: 40, outputs: 3, block: 16, zero: 'packed' }),
  blockMatMul({ bits: 8, inputs: 64, outputs: 5, block: 32 }),
  blockMatMul({ bits: 8, inputs: 40, outputs: 3, block: 16, zero: 'packed' }),
  blockMatMul({ bits: 2, inputs: 64, outputs: 5, block: 32, zero: 'packed' }),
  blockMatMul({ bits: 4, inputs: 64, outputs: 4, block: 16, zero: 'float' }),
  ...[0, 1].map((quant_type): Example => ({
    what: `MatMulBnb4, type ${quant_type}`,
    shape: [5, 33],
    encoding: `MatMulBnb4 ${quant_type ? 'NF4' : 'FP4'} g16`,
    others: ['x'],
    initializers: [
      unitMatrix('x', 33),
      rawTensor('w', [83], TYPE.UINT8, packed(integers(166, 15, 3).map(withoutNegativeZero), 4)),
      scalesTensor('s', [11], scalesOf(11, 4)),
    ],
    nodes: [operator('MatMulBnb4', ['x', 'w', 's'], MICROSOFT, { K: 33, N: 5, block_size: 16, quant_type })],
    weight: transposed(5, 33),
  })),
  ...(
    [
      ['U4', 4, [6, 40], true],
      ['I4', 4, [6, 40], true],
      ['I4', 4, [6, 40], false],
      ['U8', 4, [6, 20], true],
      ['U8', 4, [6, 20], false],
      ['U8', 8, [6, 40], true],
      ['U8', 8, [6, 40], false],
    ] as const
  ).map(([kind, bits, dims, zero]): Example => {
    const zeroColumns = kind === 'U8' && bits === 4 ? 2 : 3;
    return {
      what: `GatherBlockQuantized, ${kind} of ${bits} bits, ${zero ? 'with' : 'without'} zero points`,
      shape: [6, 40],
      encoding: `${kind === 'U8' ? `U${bits}` : kind} g16`,
      others: ['all'],
      initializers: [
        codes('w', dims, kind, 3),
        rawTensor('all', [6], TYPE.INT64, packed([0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0], 32)),
        scalesTensor('s', [6, 3], scalesOf(18, 4)),
        ...(zero ? [codes('z', [6, zeroColumns], kind, 5)] : []),
      ],
      nodes: [
        operator('GatherBlockQuantized', ['w', 'all', 's', ...(zero ? ['z'] : [])], MICROSOFT, {
          ...{ block_size: 16, quantize_axis: 1, ...(kind === 'U8' && { bits }) },
        }),
      ],
    };
  }),
];

describe('onnx: quantised weights are what onnxruntime computes with', () => {
  const { open } = openedOnnx();

  for (const example of [...DEQUANTISED, ...COMPUTED, ...BLOCKS]) {
    it(example.what, async () => {
      const { shape, encoding, nodes, initializers, others = [] } = example;
      const checkpoint = await open(runnableModel(graph({ nodes, initializers })));
      assert.deepEqual(checkpoint.problems, []);
      const names = checkpoint.tensors.map(({ name }) => name);
      assert.deepEqual(names.sort(), ['w', ...others].sort());
      const info = checkpoint.tensors.find(({ name }) => name === 'w')!;
      assert.deepEqual([info.shape, info.dtype, info.encoding?.name], [shape, 'F32', encoding]);
      const output = await onnxruntimeOutput(example, 'out', example.outputType);
      const expected = Float32Array.from(example.weight ? example.weight(output) : output);
      const read = async (rows?: { start: number; end: number }): Promise<Float32Array> =>
        new Float32Array((await checkpoint.read(info, rows)).slice().buffer);
      assert.deepEqual(await read(), expected);
      const [count] = shape as [number];
      const perRow = expected.length / count;
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [count - 1, count],
        [1, Math.ceil((2 * count) / 3)],
      ] as const) {
        const rows = `rows ${start} to ${end}`;
        assert.deepEqual(await read({ start, end }), expected.slice(start * perRow, end * perRow), rows);
      }
    });
  }
});
