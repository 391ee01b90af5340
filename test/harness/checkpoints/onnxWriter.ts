/**
 * Writes ONNX models for tests: protobuf messages assembled field by field, so that damaged ones can be made as
 * easily as good ones. Field numbers are those of onnx.proto.
 */

/** Encoded fields, in order. */
export type Message = Uint8Array;

export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A varint; negative numbers as protobuf's ten bytes. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export function varintField(field: number, value: number | bigint): Message {
  return concat(varint(field * 8), varint(value));
}

export function bytesField(field: number, payload: Uint8Array | string): Message {
  const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  return concat(varint(field * 8 + 2), varint(bytes.length), bytes);
}

/** A length-delimited field whose length says something else than its payload. */
export function lyingField(field: number, length: number | bigint, payload: Uint8Array): Message {
  return concat(varint(field * 8 + 2), varint(length), payload);
}

export function float32(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function float64(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}

export function packedVarints(field: number, values: readonly (number | bigint)[]): Message {
  return bytesField(field, concat(...values.map(varint)));
}

export function unpackedVarints(field: number, values: readonly (number | bigint)[]): Message {
  return concat(...values.map((value) => varintField(field, value)));
}

export function unpackedFloats(field: number, values: readonly number[]): Message {
  return concat(...values.map((value) => concat(varint(field * 8 + 5), float32(value))));
}

/** TensorProto.DataType. */
export const TYPE = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  COMPLEX128: 15,
  BFLOAT16: 16,
  FLOAT8E4M3FN: 17,
  FLOAT8E4M3FNUZ: 18,
  FLOAT8E5M2: 19,
  FLOAT8E5M2FNUZ: 20,
  UINT4: 21,
  INT4: 22,
  FLOAT4E2M1: 23,
  FLOAT8E8M0: 24,
  UINT2: 25,
  INT2: 26,
} as const;

/** TensorProto with `data` (encoded fields) after dims, type and name, as writers order them. */
export function tensor(name: string, dims: readonly number[], type: number, ...data: readonly Message[]): Message {
  return concat(
    ...dims.map((size) => varintField(1, size)),
    varintField(2, type),
    ...(name ? [bytesField(8, name)] : []),
    ...data,
  );
}

/** A float tensor in raw_data; elements count up from `first` in steps of 1/4. */
export function floatTensor(name: string, dims: readonly number[], first = 0): Message {
  const count = dims.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, index) => first + index / 4);
  return tensor(name, dims, TYPE.FLOAT, bytesField(9, float32(...values)));
}

/** The fields that put a tensor's elements into another file. */
export function external(entries: Readonly<Record<string, string>>): Message {
  const pairs = Object.entries(entries).map(([key, value]) =>
    bytesField(13, concat(bytesField(1, key), bytesField(2, value))),
  );
  return concat(...pairs, varintField(14, 1));
}

/** AttributeProto; `value` is its encoded field (5 tensor, 6 graph, 2/3/7/8 numbers, …). */
export function attribute(name: string, value: Message): Message {
  return concat(bytesField(1, name), value);
}

export function node(
  operator: string,
  parts: {
    name?: string;
    inputs?: readonly string[];
    output?: string;
    domain?: string;
    attributes?: readonly Message[];
  } = {},
): Message {
  return concat(
    ...(parts.inputs ?? []).map((name) => bytesField(1, name)),
    ...(parts.output === undefined ? [] : [bytesField(2, parts.output)]),
    ...(parts.name === undefined ? [] : [bytesField(3, parts.name)]),
    bytesField(4, operator),
    ...(parts.attributes ?? []).map((value) => bytesField(5, value)),
    ...(parts.domain === undefined ? [] : [bytesField(7, parts.domain)]),
  );
}

/** An attribute that is one integer, with the type that onnxruntime asks for. */
export function intAttribute(name: string, value: number): Message {
  return attribute(name, concat(varintField(3, value), varintField(20, 2)));
}

/** A Constant node that gives `value` (an attribute) to `output`. */
export function constant(output: string, value: Message): Message {
  return node('Constant', { output, attributes: [value] });
}

export function graph(parts: {
  name?: string;
  nodes?: readonly Message[];
  initializers?: readonly Message[];
  extra?: readonly Message[];
}): Message {
  return concat(
    ...(parts.nodes ?? []).map((value) => bytesField(1, value)),
    bytesField(2, parts.name ?? 'main'),
    ...(parts.initializers ?? []).map((value) => bytesField(5, value)),
    ...(parts.extra ?? []),
  );
}

/** A ValueInfoProto: field 11 of a graph for its inputs, 12 for its outputs. */
export function valueInfo(name: string, type: number, dims?: readonly number[]): Message {
  const shape = dims && bytesField(2, concat(...dims.map((size) => bytesField(1, varintField(1, size)))));
  const tensorType = concat(varintField(1, type), ...(shape ? [shape] : []));
  return concat(bytesField(1, name), bytesField(2, bytesField(1, tensorType)));
}

/** A model that onnxruntime runs: of the newest operators that it knows, and its own ones. */
export function runnableModel(mainGraph: Message): Message {
  const opset = (domain: string, version: number): Message =>
    bytesField(8, concat(bytesField(1, domain), varintField(2, version)));
  return concat(varintField(1, 10), bytesField(7, mainGraph), opset('', 21), opset('com.microsoft', 1));
}

export function model(mainGraph: Message, ...extra: readonly Message[]): Message {
  return concat(
    varintField(1, 8),
    bytesField(2, 'fixture'),
    bytesField(7, mainGraph),
    bytesField(8, concat(bytesField(1, ''), varintField(2, 17))),
    ...extra,
  );
}
