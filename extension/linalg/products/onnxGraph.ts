/**
 * Writes the few ONNX messages that small graphs of matrices need: protocol buffers are tag–value pairs.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto field numbers
 */

/** IR 8 and opset 13 are read by every onnxruntime since 1.10 (2021). */
const IR_VERSION = 8;
const OPSET_VERSION = 13;

/** TensorProto.DataType */
export const ELEMENT_TYPE = { float32: 1, int32: 6, int64: 7, float64: 11 } as const;
export type ElementType = keyof typeof ELEMENT_TYPE;

/** AttributeProto.AttributeType */
const ATTRIBUTE = { int: 2, ints: 7 } as const;

export interface GraphNode {
  operator: string;
  inputs: string[];
  output: string;
  attributes?: Record<string, number | number[]>;
}

/** An input or output tensor whose sizes have names instead of numbers. */
export interface GraphValue {
  name: string;
  type: ElementType;
  sizes: string[];
}

export interface Graph {
  name: string;
  inputs: GraphValue[];
  outputs: GraphValue[];
  /** Scalars (float32) and vectors (int64) by name. */
  constants?: Record<string, { float32: number } | { int64: number[] }>;
  nodes: GraphNode[];
}

export interface ProductGraph {
  precision: 'float32' | 'float64';
  /** A is fed as k×m instead of m×k. */
  transA: boolean;
  /** B is fed as n×k instead of k×n. */
  transB: boolean;
  /** A third input, `C`, is added to the product. */
  accumulate: boolean;
}

/** Y = op(A)·op(B) [+ C] with inputs `A`, `B` (and `C`, where it accumulates) and output `Y`, all sizes free. */
export function productModel({ precision: type, transA, transB, accumulate }: ProductGraph): Uint8Array<ArrayBuffer> {
  const attributes = { transA: Number(transA), transB: Number(transB) };
  const added: GraphValue[] = accumulate ? [{ name: 'C', type, sizes: ['m', 'n'] }] : [];
  const inputs: GraphValue[] = [
    { name: 'A', type, sizes: transA ? ['k', 'm'] : ['m', 'k'] },
    { name: 'B', type, sizes: transB ? ['n', 'k'] : ['k', 'n'] },
    ...added,
  ];
  return graphModel({
    name: 'product',
    inputs,
    outputs: [{ name: 'Y', type, sizes: ['m', 'n'] }],
    nodes: [{ operator: 'Gemm', inputs: inputs.map(({ name }) => name), output: 'Y', attributes }],
  });
}

/** Bytes of a ModelProto that holds the graph. */
export function graphModel({ name, inputs, outputs, constants = {}, nodes }: Graph): Uint8Array<ArrayBuffer> {
  const graph = message(
    ...nodes.map((node) => nested(1, nodeMessage(node))),
    text(2, name),
    ...Object.entries(constants).map(([constant, value]) => nested(5, constantMessage(constant, value))),
    ...inputs.map((input) => nested(11, valueMessage(input))),
    ...outputs.map((output) => nested(12, valueMessage(output))),
  );
  return Uint8Array.from(
    message(integer(1, IR_VERSION), nested(7, graph), nested(8, message(text(1, ''), integer(2, OPSET_VERSION)))),
  );
}

/** NodeProto */
function nodeMessage({ operator, inputs, output, attributes = {} }: GraphNode): number[] {
  return message(
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) => nested(5, attribute(name, value))),
  );
}

/** AttributeProto */
function attribute(name: string, value: number | number[]): number[] {
  if (typeof value === 'number') return message(text(1, name), integer(3, value), integer(20, ATTRIBUTE.int));
  return message(text(1, name), ...value.map((each) => integer(8, each)), integer(20, ATTRIBUTE.ints));
}

/** TensorProto with its elements as raw little-endian bytes. */
function constantMessage(name: string, value: { float32: number } | { int64: number[] }): number[] {
  if ('float32' in value) {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setFloat32(0, value.float32, true);
    return message(integer(2, ELEMENT_TYPE.float32), text(8, name), nested(9, bytesOf(bytes)));
  }
  const bytes = new DataView(new ArrayBuffer(8 * value.int64.length));
  for (const [index, each] of value.int64.entries()) bytes.setBigInt64(8 * index, BigInt(each), true);
  return message(
    integer(1, value.int64.length),
    integer(2, ELEMENT_TYPE.int64),
    text(8, name),
    nested(9, bytesOf(bytes)),
  );
}

function bytesOf({ buffer }: DataView): number[] {
  return [...new Uint8Array(buffer)];
}

/** ValueInfoProto */
function valueMessage({ name, type, sizes }: GraphValue): number[] {
  const shape = message(...sizes.map((size) => nested(1, text(2, size))));
  const tensorType = message(integer(1, ELEMENT_TYPE[type]), nested(2, shape));
  return message(text(1, name), nested(2, nested(1, tensorType)));
}

function message(...fields: number[][]): number[] {
  return fields.flat();
}

function integer(field: number, value: number): number[] {
  return [...varint(field << 3), ...varint(value)];
}

function text(field: number, value: string): number[] {
  return nested(field, [...new TextEncoder().encode(value)]);
}

function nested(field: number, content: number[]): number[] {
  return [...varint((field << 3) | 2), ...varint(content.length), ...content];
}

/** Negative numbers are those of 64 bits, in ten bytes. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
}
