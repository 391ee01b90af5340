/**
 * Pickles assembled opcode by opcode, for cases that no real pickler writes. Each function returns bytes that push one
 * value; `pickle` makes them complete.
 */

export type Code = Buffer;

export function bytes(...parts: (number | string | Buffer)[]): Code {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === 'number' ? Buffer.from([part]) : typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    ),
  );
}

export function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

export function uint64(value: number | bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

export function pickle(value: Code, protocol = 2): Buffer {
  return bytes(0x80, protocol, value, '.');
}

export const none = bytes('N');
export const yes = bytes(0x88);
export const no = bytes(0x89);
export const emptyDict = bytes('}');

export function text(value: string): Code {
  const utf8 = Buffer.from(value);
  return bytes('X', uint32(utf8.length), utf8);
}

/** Up to 8 bytes; protocol 2's LONG1. */
export function int(value: number | bigint): Code {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(BigInt(value));
  return bytes(0x8a, 8, buffer);
}

export function float(value: number): Code {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return bytes('G', buffer);
}

export function data(value: Buffer): Code {
  return bytes('B', uint32(value.length), value);
}

export function tuple(...items: Code[]): Code {
  return bytes('(', ...items, 't');
}

export function list(...items: Code[]): Code {
  return bytes('](', ...items, 'e');
}

export function dict(...pairs: [Code | string, Code][]): Code {
  return bytes('}(', ...pairs.flatMap(([key, value]) => [typeof key === 'string' ? text(key) : key, value]), 'u');
}

export function global(module: string, name: string): Code {
  return bytes('c', `${module}\n${name}\n`);
}

export function call(callable: Code, ...args: Code[]): Code {
  return bytes(callable, tuple(...args), 'R');
}

export function build(object: Code, state: Code): Code {
  return bytes(object, state, 'b');
}

export function put(index: number, value: Code): Code {
  return bytes(value, 'r', uint32(index));
}

export function get(index: number): Code {
  return bytes('j', uint32(index));
}

/** A storage as PyTorch refers to it; `view` is the legacy format's (key, offset, elements). */
export function storage(key: string, type: string, elements: number, view?: Code): Code {
  const id = [text('storage'), global('torch', type), text(key), text('cpu'), int(elements)];
  return bytes(tuple(...id, ...(view ? [view] : [])), 'Q');
}

export interface TensorParts {
  key?: string;
  type?: string;
  elements?: number;
  offset?: number | bigint;
  shape: (number | bigint)[];
  strides?: (number | bigint)[];
}

export function rowMajor(shape: readonly (number | bigint)[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce<number>((product, size) => product * Number(size), 1));
}

/** `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())`. */
export function tensor({ key = '0', type = 'FloatStorage', elements, offset = 0, shape, strides }: TensorParts): Code {
  const count = elements ?? shape.reduce<number>((product, size) => product * Number(size), 1);
  return call(
    global('torch._utils', '_rebuild_tensor_v2'),
    storage(key, type, count),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...(strides ?? rowMajor(shape)).map(int)),
    no,
    call(global('collections', 'OrderedDict')),
  );
}

/** The stream that `torch.save` wrote before 1.6. */
export function legacyFile(root: Code, storages: readonly { key: string; count: number; bytes: Buffer }[]): Buffer {
  const magic = Buffer.from('6cfc9c46f9206aa85019', 'hex');
  return Buffer.concat([
    pickle(bytes(0x8a, 10, magic)),
    pickle(bytes('M', 0xe9, 0x03)),
    pickle(dict(['protocol_version', int(1001)], ['little_endian', yes])),
    pickle(root),
    pickle(list(...storages.map(({ key }) => text(key)))),
    ...storages.flatMap((stored) => [uint64(stored.count), stored.bytes]),
  ]);
}

/** `count` float32 values 0, 1, 2, … */
export function ramp(count: number): Buffer {
  return Buffer.from(Float32Array.from({ length: count }, (_, i) => i).buffer);
}
