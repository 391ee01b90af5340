/** Small ONNX models with seeded weights, which onnxruntime runs: every way in which an operator can use a weight. */
import { randomMatrix } from '../numbers/denseReference';
import {
  attribute,
  bytesField,
  concat,
  constant,
  external,
  float32,
  graph,
  intAttribute,
  node,
  tensor,
  TYPE,
  valueInfo,
  varintField,
  type Message,
} from '../checkpoints/onnxWriter';

export interface MadeModel {
  readonly parts: Parts;
  readonly bytes: Uint8Array;
  /** Shapes of its float inputs. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

let seed = 0;

const count = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1);

interface MadeWeight {
  readonly name: string;
  readonly dims: readonly number[];
  readonly elements: Uint8Array;
  readonly message: Message;
}

/** A float tensor of seeded uniform numbers. */
export function weight(name: string, dims: readonly number[]): MadeWeight {
  const elements = float32(...randomMatrix(1, count(dims), ++seed));
  return { name, dims, elements, message: tensor(name, dims, TYPE.FLOAT, bytesField(9, elements)) };
}

export function floatAttribute(name: string, value: number): Message {
  return attribute(name, concat(float32Field(2, value), varintField(20, 1)));
}

function float32Field(number: number, value: number): Message {
  return concat(Uint8Array.of(number * 8 + 5), float32(value));
}

export function intsAttribute(name: string, values: readonly number[]): Message {
  return attribute(name, concat(...values.map((value) => varintField(8, value)), varintField(20, 7)));
}

export function textAttribute(name: string, value: string): Message {
  return attribute(name, concat(bytesField(4, value), varintField(20, 3)));
}

export function graphAttribute(name: string, value: Message): Message {
  return attribute(name, concat(bytesField(6, value), varintField(20, 5)));
}

/** A ValueInfoProto of floats; a size of 0 is not said. */
function ofSizes(name: string, dims: readonly number[]): Message {
  const sizes = dims.map((size) => bytesField(1, size > 0 ? varintField(1, size) : new Uint8Array()));
  const type = concat(varintField(1, TYPE.FLOAT), bytesField(2, concat(...sizes)));
  return concat(bytesField(1, name), bytesField(2, bytesField(1, type)));
}

interface Parts {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** How many axes each has. */
  readonly outputs: Readonly<Record<string, number>>;
  readonly nodes: readonly Message[];
  readonly weights?: readonly MadeWeight[];
  readonly opset?: number;
  readonly ir?: number;
  /** Further fields of the graph, and of the model. */
  readonly inGraph?: readonly Message[];
  readonly inModel?: readonly Message[];
}

export function madeModel(parts: Parts): MadeModel {
  const { inputs, outputs, nodes, weights = [], opset = 17, ir = 8, inGraph = [], inModel = [] } = parts;
  const extra = [
    ...Object.entries(inputs).map(([name, dims]) => bytesField(11, ofSizes(name, dims))),
    ...Object.entries(outputs).map(([name, axes]) => bytesField(12, ofSizes(name, Array<number>(axes).fill(0)))),
    ...inGraph,
  ];
  const main = graph({ nodes, initializers: weights.map(({ message }) => message), extra });
  const set = bytesField(8, concat(bytesField(1, ''), varintField(2, opset)));
  return { bytes: concat(varintField(1, ir), bytesField(7, main), set, ...inModel), parts, inputs };
}

/** MatMul from both sides, through Identity and Transpose, twice with one weight; batches of three axes. */
export function products(): MadeModel {
  return madeModel({
    inputs: { x: [2, 3, 6] },
    outputs: { y: 3, z: 3 },
    weights: [weight('right', [6, 5]), weight('left', [4, 3]), weight('turned', [7, 5]), weight('same', [5, 5])],
    nodes: [
      node('MatMul', { name: 'first', inputs: ['x', 'right'], output: 'a' }),
      node('MatMul', { inputs: ['left', 'a'], output: 'b' }),
      node('Identity', { inputs: ['same'], output: 'copy' }),
      node('MatMul', { name: 'again', inputs: ['b', 'copy'], output: 'c' }),
      node('MatMul', { name: 'twice', inputs: ['c', 'same'], output: 'd' }),
      node('Transpose', { inputs: ['turned'], output: 'upright', attributes: [intsAttribute('perm', [1, 0])] }),
      node('MatMul', { name: 'last', inputs: ['d', 'upright'], output: 'y' }),
      node('Relu', { inputs: ['d'], output: 'z' }),
    ],
  });
}

/** Gemm with every attribute, from both sides. */
export function gemms(opset = 17, ir = 8): MadeModel {
  const attributes = [floatAttribute('alpha', 0.5), floatAttribute('beta', 2)];
  return madeModel({
    inputs: { x: [6, 3] },
    outputs: { y: 2 },
    opset,
    ir,
    weights: [
      ...[weight('plain', [6, 5]), weight('bias', [5]), weight('across', [8, 5]), weight('bias8', [8])],
      ...[weight('below', [4, 3]), weight('zero', [1])],
    ],
    nodes: [
      node('Gemm', {
        name: 'plain.gemm',
        inputs: ['x', 'plain', 'bias'],
        output: 'a',
        attributes: [...attributes, intAttribute('transA', 1)],
      }),
      node('Gemm', {
        name: 'across.gemm',
        inputs: ['a', 'across', 'bias8'],
        output: 'b',
        attributes: [intAttribute('transB', 1), ...attributes],
      }),
      node('Gemm', { name: 'left.gemm', inputs: ['below', 'b', 'zero'], output: 'y', attributes: [attributes[0]!] }),
    ],
    inGraph:
      ir < 4
        ? [
            ...[bytesField(11, valueInfo('plain', 1, [6, 5])), bytesField(11, valueInfo('bias', 1, [5]))],
            ...[bytesField(11, valueInfo('across', 1, [8, 5])), bytesField(11, valueInfo('bias8', 1, [8]))],
            ...[bytesField(11, valueInfo('below', 1, [4, 3])), bytesField(11, valueInfo('zero', 1, [1]))],
          ]
        : [bytesField(11, valueInfo('plain', 1, [6, 5]))],
  });
}

/** Convolutions of one axis and of two: strides, pads, dilations, `auto_pad`, 1 × 1, with and without a bias. */
export function convolutions(): MadeModel {
  return madeModel({
    inputs: { image: [2, 3, 11, 9], signal: [2, 4, 20] },
    outputs: { y: 4, z: 3 },
    weights: [
      ...[
        weight('k33', [6, 3, 3, 3]),
        weight('k33.bias', [6]),
        weight('k11', [5, 6, 1, 1]),
        weight('k32', [4, 5, 3, 2]),
      ],
      ...[weight('one', [7, 4, 5]), weight('one.bias', [7]), weight('lower', [3, 7, 4])],
    ],
    nodes: [
      node('Conv', {
        name: 'dilated',
        inputs: ['image', 'k33', 'k33.bias'],
        output: 'a',
        attributes: [
          ...[
            intsAttribute('dilations', [2, 1]),
            intsAttribute('pads', [2, 1, 1, 0]),
            intsAttribute('strides', [1, 2]),
          ],
          ...[intsAttribute('kernel_shape', [3, 3]), intAttribute('group', 1)],
        ],
      }),
      node('Conv', {
        name: 'narrow',
        inputs: ['a', 'k11'],
        output: 'b',
        attributes: [intsAttribute('strides', [2, 1])],
      }),
      node('Conv', {
        name: 'same',
        inputs: ['b', 'k32'],
        output: 'y',
        attributes: [textAttribute('auto_pad', 'SAME_UPPER')],
      }),
      node('Conv', {
        name: 'line',
        inputs: ['signal', 'one', 'one.bias'],
        output: 'c',
        attributes: [intsAttribute('strides', [3])],
      }),
      node('Conv', {
        name: 'low',
        inputs: ['c', 'lower'],
        output: 'z',
        attributes: [textAttribute('auto_pad', 'SAME_LOWER'), intsAttribute('strides', [2])],
      }),
    ],
  });
}

/** An LSTM between a convolution and a Gemm. */
export function recurrent(): MadeModel {
  const zeroAxis = tensor('', [1], TYPE.INT64, bytesField(9, new Uint8Array(8)));
  return madeModel({
    inputs: { x: [1, 4, 10] },
    outputs: { y: 2 },
    weights: [
      ...[weight('conv', [6, 4, 3]), weight('w', [1, 20, 6]), weight('r', [1, 20, 5]), weight('head', [3, 5])],
      weight('head.bias', [3]),
    ],
    nodes: [
      node('Conv', { name: 'conv.node', inputs: ['x', 'conv'], output: 'a' }),
      node('Transpose', { inputs: ['a'], output: 'b', attributes: [intsAttribute('perm', [2, 0, 1])] }),
      concat(
        node('LSTM', {
          name: 'lstm',
          inputs: ['b', 'w', 'r'],
          output: '',
          attributes: [intAttribute('hidden_size', 5)],
        }),
        bytesField(2, 'h'),
      ),
      constant('axis', attribute('value', concat(bytesField(5, zeroAxis), varintField(20, 4)))),
      node('Squeeze', { inputs: ['h', 'axis'], output: 'c' }),
      node('Gemm', {
        name: 'head.gemm',
        inputs: ['c', 'head', 'head.bias'],
        output: 'y',
        attributes: [intAttribute('transB', 1)],
      }),
    ],
  });
}

/** Weights in the branches of an If (Constant nodes), and one of the main graph that both branches use. */
export function branches(): MadeModel {
  const inner = (name: string, dims: readonly number[]): Message =>
    constant(name, attribute('value', concat(bytesField(5, weight('', dims).message), varintField(20, 4))));
  const branch = (name: string): Message =>
    graph({
      name,
      nodes: [
        inner(`${name}.w`, [5, 4]),
        node('MatMul', { name: `${name}.outer`, inputs: ['x', 'outer'], output: `${name}.a` }),
        node('MatMul', { name: `${name}.inner`, inputs: [`${name}.a`, `${name}.w`], output: `${name}.y` }),
      ],
      extra: [bytesField(12, ofSizes(`${name}.y`, [0, 0]))],
    });
  return madeModel({
    inputs: { x: [3, 6], choose: [1] },
    outputs: { y: 2 },
    weights: [weight('outer', [6, 5])],
    nodes: [
      node('Cast', { inputs: ['choose'], output: 'chosen', attributes: [intAttribute('to', 9)] }),
      node('If', {
        name: 'if',
        inputs: ['chosen'],
        output: 'y',
        attributes: [graphAttribute('then_branch', branch('then')), graphAttribute('else_branch', branch('else'))],
      }),
    ],
  });
}

/** The elements of a weight of a model. */
export function weightBytes({ parts }: MadeModel, name: string): Uint8Array {
  return parts.weights!.find((each) => each.name === name)!.elements;
}

/**
 * The model with its weights in a file beside it, each from a multiple of 128 bytes on, and a tensor `twin` of the same
 * bytes as `left`, which no operator uses.
 *
 * @param inside weights that stay in the model, but for `left`
 */
export function besideModel(
  { parts }: MadeModel,
  { data = 'weights.bin', inside = [] }: { data?: string; inside?: readonly string[] } = {},
): { made: MadeModel; data: string; files: Record<string, Buffer> } {
  const content: Buffer[] = [];
  let leftAt = 0;
  const beside = (parts.weights ?? []).map((each) => {
    if (inside.includes(each.name)) return each;
    const offset = content.reduce((sum, { length }) => sum + length, 0);
    if (each.name === 'left') leftAt = offset;
    content.push(Buffer.concat([each.elements, Buffer.alloc(-each.elements.length & 127)]));
    return { ...each, message: besideMessage(each.name, each.dims, data, offset) };
  });
  const left = beside.find(({ name }) => name === 'left')!;
  const twin = besideMessage('twin', left.dims, data, leftAt);
  const weights = [...beside, { ...left, name: 'twin', message: twin }];
  return { made: madeModel({ ...parts, weights }), data, files: { [data]: Buffer.concat(content) } };
}

function besideMessage(name: string, dims: readonly number[], location: string, offset: number): Message {
  return tensor(
    name,
    dims,
    TYPE.FLOAT,
    external({ location, offset: String(offset), length: String(4 * count(dims)) }),
  );
}

/** One operator and its weight `w`: what is added to W·x shows in the output. */
export function oneOperator(operator: Message, dims: readonly number[], x: readonly number[]): MadeModel {
  return madeModel({
    inputs: { x },
    outputs: { y: x.length },
    weights: [weight('w', dims), weight('c', [dims[0]!])],
    nodes: [operator],
  });
}

/** Weights whose operators need them whole. */
export function refusals(): MadeModel {
  return madeModel({
    inputs: { x: [2, 6], image: [1, 4, 5, 5], sequence: [3, 1, 6] },
    outputs: { y: 2, shown: 2 },
    weights: [
      ...[
        weight('grouped', [4, 2, 3, 3]),
        weight('turned', [4, 2, 3, 3]),
        weight('w', [2, 20, 6]),
        weight('r', [2, 20, 5]),
      ],
      ...[weight('tied', [6, 6]), weight('shown', [6, 6]), weight('codes', [6, 6]), weight('unused', [6, 6])],
      ...[
        weight('taken', [6, 6]),
        weight('taken.A', [6]),
        weight('both', [6, 6]),
        weight('scale', []),
        weight('i', [1]),
      ],
    ],
    nodes: [
      node('Conv', {
        name: 'grouped.conv',
        inputs: ['image', 'grouped'],
        output: 'a',
        attributes: [intAttribute('group', 2)],
      }),
      node('ConvTranspose', { name: 'turned.conv', inputs: ['image', 'turned'], output: 'b' }),
      node('LSTM', { name: 'lstm', inputs: ['sequence', 'w', 'r'], output: 'c' }),
      node('MatMul', { inputs: ['x', 'tied'], output: 'd' }),
      node('Gather', { inputs: ['tied', 'i'], output: 'row' }),
      node('MatMul', { inputs: ['x', 'shown'], output: 'e' }),
      node('QuantizeLinear', { name: 'quantise', inputs: ['codes', 'scale'], output: 'f' }),
      node('MatMul', { inputs: ['x', 'taken'], output: 'g' }),
      node('MatMul', { name: 'square', inputs: ['both', 'both'], output: 'y' }),
    ],
  });
}
