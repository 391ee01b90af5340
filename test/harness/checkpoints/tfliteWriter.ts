/** Writes TensorFlow Lite models by the schema, sound ones and others. Field numbers are the schema's. */
import {
  bytesVector,
  flatbuffer,
  int,
  numbers,
  table,
  tables,
  text,
  type Fields,
  type Node,
  type Scalar,
  type WrittenNumber,
} from './flatbufferWriter';

/** TensorType. */
export const TYPE = {
  ...{ F32: 0, F16: 1, I32: 2, U8: 3, I64: 4, STRING: 5, BOOL: 6, I16: 7, C64: 8, I8: 9, F64: 10, C128: 11, U64: 12 },
  ...{ RESOURCE: 13, VARIANT: 14, U32: 15, U16: 16, I4: 17, BF16: 18, I2: 19, U4: 20, F8_E4M3: 21, F8_E5M2: 22 },
} as const;

/** BuiltinOperator, as far as tests need it. */
export const OPERATOR = {
  ...{ ADD: 0, CONV_2D: 3, DEPTHWISE_CONV_2D: 4, DEQUANTIZE: 6, FULLY_CONNECTED: 9, CUSTOM: 32, TRANSPOSE_CONV: 67 },
  ...{ DENSIFY: 124, CONV_3D: 132, GELU: 150 },
} as const;

export interface WrittenTensor {
  readonly name?: string;
  readonly shape?: readonly number[];
  readonly type: number;
  /** Stored once where several tensors have the very same array; nothing is stored without it. */
  readonly bytes?: Uint8Array;
  /** In place of the number of the buffer with its bytes. */
  readonly buffer?: number;
  readonly quantisation?: Node;
  readonly sparsity?: Node;
  /** More of its fields. */
  readonly fields?: Fields;
}

export interface WrittenOperator {
  readonly code: number;
  readonly custom?: string;
  readonly inputs: readonly number[];
  readonly outputs?: readonly number[];
  /** The member of BuiltinOptions, and its number. */
  readonly options?: { readonly type: number; readonly value: Node };
}

export interface WrittenSubgraph {
  readonly name?: string;
  readonly tensors: readonly WrittenTensor[];
  readonly operators?: readonly WrittenOperator[];
}

export interface WrittenModel {
  readonly subgraphs: readonly WrittenSubgraph[];
  readonly description?: string;
  readonly signatures?: readonly string[];
  readonly metadata?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Buffers are written behind the FlatBuffer, as in models beyond 2 GB. */
  readonly behind?: boolean;
  /** Fields of the model, in place of the others. */
  readonly fields?: Fields;
}

export function float32(values: Iterable<number>): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function floatTensor(name: string, shape: readonly number[], values: Iterable<number>): WrittenTensor {
  return { name, shape, type: TYPE.F32, bytes: float32(values) };
}

export interface WrittenQuantisation {
  readonly scales?: readonly number[];
  readonly zeroPoints?: readonly (number | bigint)[];
  readonly axis?: number;
  /** The member of QuantizationDetails, and its number. */
  readonly details?: { readonly type: number; readonly value: Node };
}

export function quantisation({ scales, zeroPoints, axis, details }: WrittenQuantisation): Node {
  return table({
    0: numbers(Float32Array.of(-1)),
    1: numbers(Float32Array.of(1)),
    2: scales && numbers(Float32Array.from(scales)),
    3: zeroPoints && numbers(BigInt64Array.from(zeroPoints, BigInt)),
    4: details && int(details.type, 1),
    5: details?.value,
    6: axis === undefined ? undefined : int(axis, 4),
  });
}

/** BlockwiseQuantization. @param zeroPoints −1 where all are 0 */
export function blockwise(scales: number, zeroPoints: number, blockSize: number): WrittenQuantisation['details'] {
  return { type: 2, value: table({ 0: int(scales, 4), 1: int(zeroPoints, 4), 2: int(blockSize, 4) }) };
}

/** A level's size, or its segments and indices. */
export type WrittenLevel = number | { readonly segments: readonly number[]; readonly indices: readonly number[] };

/** @param width bytes of an index */
export function sparsity(
  order: readonly number[],
  levels: readonly WrittenLevel[],
  blockMap: readonly number[] = [],
  width: 1 | 2 | 4 = 4,
): Node {
  const vector = (values: readonly number[]): Node => {
    const ofWidth = {
      1: bytesVector(Uint8Array.from(values)),
      2: numbers(Uint16Array.from(values)),
      4: numbers(values),
    };
    return table({ 0: ofWidth[width] });
  };
  const type = int({ 4: 1, 2: 2, 1: 3 }[width], 1);
  return table({
    0: numbers(order),
    1: blockMap.length > 0 ? numbers(blockMap) : undefined,
    2: tables(
      levels.map((level) =>
        typeof level === 'number'
          ? table({ 1: int(level, 4) })
          : table({ 0: int(1, 1), 2: type, 3: vector(level.segments), 4: type, 5: vector(level.indices) }),
      ),
    ),
  });
}

export function tfliteFile(model: WrittenModel): Buffer {
  if (!model.behind) return flatbuffer(modelTable(model, undefined), 'TFL3').bytes;
  const { length } = flatbuffer(modelTable(model, 0), 'TFL3').bytes;
  const start = Math.ceil(length / 16) * 16;
  const buffers = stored(model).map((bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 15)]));
  const head = flatbuffer(modelTable(model, start), 'TFL3').bytes;
  return Buffer.concat([head, Buffer.alloc(start - length), ...buffers]);
}

/** Every number of a file whose buffers are not behind it, but those of its tensors. */
export function tfliteNumbers(model: WrittenModel): readonly WrittenNumber[] {
  return flatbuffer(modelTable(model, undefined), 'TFL3').numbers;
}

/** What is in buffers 1, 2, … */
function stored({ subgraphs, metadata = [] }: WrittenModel): Uint8Array[] {
  const tensors = subgraphs.flatMap((subgraph) => subgraph.tensors);
  return [...new Set([...tensors, ...metadata].flatMap(({ bytes }) => (bytes ? [bytes] : [])))];
}

/** @param start of the first buffer behind the FlatBuffer; undefined where they are in it */
function modelTable(model: WrittenModel, start: number | undefined): Node {
  const { subgraphs, description, signatures, metadata, fields } = model;
  const buffers = stored(model);
  const bufferOf = (bytes: Uint8Array | undefined): number => (bytes ? 1 + buffers.indexOf(bytes) : 0);
  const codes = [...new Set(subgraphs.flatMap(({ operators = [] }) => operators.map(codeOf)))];
  let at = start ?? 0;
  const bufferTables = buffers.map((bytes) => {
    if (start === undefined) return table({ 0: bytesVector(bytes, 16) });
    const behind = table({ 1: int(at, 8), 2: int(bytes.length, 8) });
    at += Math.ceil(bytes.length / 16) * 16;
    return behind;
  });
  return table({
    0: int(3, 4),
    1: tables(
      codes.map((code) => {
        const [number, custom] = JSON.parse(code) as [number, string | null];
        return table({
          0: int(Math.min(number, 127), 1),
          1: custom === null ? undefined : text(custom),
          3: int(number, 4),
        });
      }),
    ),
    2: tables(subgraphs.map((subgraph) => subgraphTable(subgraph, codes, bufferOf))),
    3: description === undefined ? undefined : text(description),
    4: tables([table({}), ...bufferTables]),
    6: metadata && tables(metadata.map(({ name, bytes }) => table({ 0: text(name), 1: int(bufferOf(bytes), 4) }))),
    7: signatures && tables(signatures.map((key) => table({ 2: text(key) }))),
    ...fields,
  });
}

function codeOf({ code, custom }: WrittenOperator): string {
  return JSON.stringify([code, custom ?? null]);
}

function subgraphTable(
  { name, tensors, operators = [] }: WrittenSubgraph,
  codes: readonly string[],
  bufferOf: (bytes: Uint8Array | undefined) => number,
): Node {
  const optional = (value: string | undefined): Node | undefined => (value === undefined ? undefined : text(value));
  const scalar = (value: number): Scalar => int(value, 4);
  return table({
    0: tables(
      tensors.map((tensor) =>
        table({
          0: tensor.shape && numbers(tensor.shape),
          1: int(tensor.type, 1),
          2: scalar(tensor.buffer ?? bufferOf(tensor.bytes)),
          3: optional(tensor.name),
          4: tensor.quantisation,
          6: tensor.sparsity,
          ...tensor.fields,
        }),
      ),
    ),
    3: tables(
      operators.map((operator) =>
        table({
          0: scalar(codes.indexOf(codeOf(operator))),
          1: numbers(operator.inputs),
          2: numbers(operator.outputs ?? []),
          3: operator.options && int(operator.options.type, 1),
          4: operator.options?.value,
        }),
      ),
    ),
    4: optional(name),
  });
}
