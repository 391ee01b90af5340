/** Quantised weights of ONNX models: what we decode is, to the bit, what onnxruntime's operators compute with. */
import { packed, rawTensor, scalesTensor, unitCodes } from '../../../harness/onnxRun';
import { attribute, bytesField, intAttribute, type Message, node, TYPE } from '../../../harness/checkpoints/onnxWriter';
import { integers } from '../../../harness/checkpoints/quantisedFixtures';
import {
  MICROSOFT,
  scalesOf,
  exactScales,
  bytesOf,
  product,
  type Example,
  transposed,
  type Kind,
  codes,
  integerAttributes,
  operator,
  testExamples,
} from './quantisedExamples';

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

testExamples('onnx: quantised weights are what onnxruntime computes with', [...DEQUANTISED, ...COMPUTED]);
