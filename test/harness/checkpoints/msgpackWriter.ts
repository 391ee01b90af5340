/** MessagePack written token by token, so that any of them can be wrong. */

type Key = string | number;

function sized(codes: readonly [number, number, number], length: number): Buffer {
  const width = length < 0x100 ? 0 : length < 0x10000 ? 1 : 2;
  const bytes = Buffer.alloc(1 + 2 ** width);
  bytes[0] = codes[width]!;
  bytes.writeUIntBE(length, 1, 2 ** width);
  return bytes;
}

export function text(value: string, length = Buffer.byteLength(value)): Buffer {
  const head = length < 32 ? Buffer.of(0xa0 | length) : sized([0xd9, 0xda, 0xdb], length);
  return Buffer.concat([head, Buffer.from(value)]);
}

export function bin(value: Uint8Array, length = value.length): Buffer {
  return Buffer.concat([sized([0xc4, 0xc5, 0xc6], length), value]);
}

export function unsigned(value: number): Buffer {
  return value < 0x80 ? Buffer.of(value) : sized([0xcc, 0xcd, 0xce], value);
}

export function list(items: readonly Buffer[], count = items.length): Buffer {
  return Buffer.concat([Buffer.of(0xdd, count >>> 24, count >>> 16, count >>> 8, count), ...items]);
}

export function map(pairs: readonly (readonly [Key, Buffer])[], count = pairs.length): Buffer {
  const head = count < 16 ? Buffer.of(0x80 | count) : Buffer.of(0xdf, count >>> 24, count >>> 16, count >>> 8, count);
  const keys = pairs.flatMap(([key, value]) => [typeof key === 'string' ? text(key) : unsigned(key), value]);
  return Buffer.concat([head, ...keys]);
}

export function extension(code: number, payload: Buffer, length = payload.length): Buffer {
  return Buffer.concat([sized([0xc7, 0xc8, 0xc9], length), Buffer.of(code), payload]);
}

/** An array as Flax packs it. */
export function flaxArray(shape: readonly number[], type: string, elements: Uint8Array, code = 1): Buffer {
  const sizes = Buffer.concat([Buffer.of(0x90 | shape.length), ...shape.map(unsigned)]);
  return extension(code, Buffer.concat([Buffer.of(0x93), sizes, text(type), bin(elements)]));
}

/** `count` float32: 0, 1, 2, … */
export function floats(count: number, first = 0): Buffer {
  return Buffer.from(Float32Array.from({ length: count }, (_, i) => first + i).buffer);
}

/** A large array as Flax splits it. */
export function chunkedArray(shape: readonly number[], chunks: readonly Buffer[]): Buffer {
  return map([
    ['__msgpack_chunked_array__', Buffer.of(0xc3)],
    ['shape', map(shape.map((size, axis) => [String(axis), unsigned(size)]))],
    ['chunks', map(chunks.map((chunk, i) => [String(i), chunk]))],
  ]);
}
