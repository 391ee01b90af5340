/**
 * Writes the few ONNX messages needed for a one-node graph Y = op(A)·op(B) [+ C]: protocol buffers are tag–value pairs.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto field numbers
 */

/** IR 8 and opset 13 are read by every onnxruntime since 1.10 (2021). */
const IR_VERSION = 8;
const OPSET_VERSION = 13;

/** TensorProto.DataType */
const ELEMENT_TYPE = { float32: 1, float64: 11 } as const;
/** AttributeProto.AttributeType.INT */
const ATTRIBUTE_INT = 2;

export interface ProductGraph {
  precision: keyof typeof ELEMENT_TYPE;
  /** A is fed as k×m instead of m×k. */
  transA: boolean;
  /** B is fed as n×k instead of k×n. */
  transB: boolean;
  /** A third input, `C`, is added to the product. */
  accumulate: boolean;
}

/**
 * Bytes of a ModelProto with inputs `A`, `B` (and `C`, where it accumulates) and output `Y`, all sizes free.
 */
export function productModel({ precision, transA, transB, accumulate }: ProductGraph): Uint8Array<ArrayBuffer> {
  const type = ELEMENT_TYPE[precision];
  const node = message(
    text(1, 'A'),
    text(1, 'B'),
    ...(accumulate ? [text(1, 'C')] : []),
    text(2, 'Y'),
    text(4, 'Gemm'),
    nested(5, attribute('transA', Number(transA))),
    nested(5, attribute('transB', Number(transB))),
  );
  const graph = message(
    nested(1, node),
    text(2, 'product'),
    nested(11, matrix('A', type, transA ? ['k', 'm'] : ['m', 'k'])),
    nested(11, matrix('B', type, transB ? ['n', 'k'] : ['k', 'n'])),
    ...(accumulate ? [nested(11, matrix('C', type, ['m', 'n']))] : []),
    nested(12, matrix('Y', type, ['m', 'n'])),
  );
  return Uint8Array.from(
    message(integer(1, IR_VERSION), nested(7, graph), nested(8, message(text(1, ''), integer(2, OPSET_VERSION)))),
  );
}

/** AttributeProto */
function attribute(name: string, value: number): number[] {
  return message(text(1, name), integer(3, value), integer(20, ATTRIBUTE_INT));
}

/** ValueInfoProto of a matrix whose sizes have names instead of numbers. */
function matrix(name: string, elementType: number, sizes: string[]): number[] {
  const shape = message(...sizes.map((size) => nested(1, text(2, size))));
  const tensorType = message(integer(1, elementType), nested(2, shape));
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

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return [...bytes, rest];
}
