/** The places of numbers in a sound file, and the damage that follows from them: cuts there, other numbers there. */

export type Encoding = 'little-endian' | 'big-endian' | 'varint' | 'decimal';

/** A length, an offset, a count or another number that a reader may believe. */
export interface Field {
  readonly name: string;
  readonly at: number;
  /** Bytes in the sound file. */
  readonly width: number;
  readonly encoding: Encoding;
  /** Lengths that count this field's bytes, the innermost first: they are corrected where it gets longer or shorter. */
  readonly enclosing?: readonly Field[];
}

export interface Damaged {
  readonly name: string;
  readonly bytes: () => Uint8Array;
}

/** The file up to the beginning, the middle and the end of each field, and without its last byte. */
export function cuts(original: Buffer, fields: readonly Field[]): Damaged[] {
  const places = new Set([0, original.length - 1]);
  for (const { at, width } of fields) for (const place of [at, at + width - 1, at + width]) places.add(place);
  return [...places]
    .filter((place) => place >= 0 && place < original.length)
    .sort((a, b) => a - b)
    .map((place) => ({ name: `cut at byte ${place}`, bytes: () => original.subarray(0, place) }));
}

/** Each field with 0, 1, −1, the largest numbers of its width, its own place, the file's length, one less and one more. */
export function wrongNumbers(original: Buffer, fields: readonly Field[]): Damaged[] {
  return fields.flatMap((field) => {
    const sound = valueOf(original, field);
    const edges = new Map<bigint, string>([
      [0n, '0'],
      [1n, '1'],
      [-1n, '-1'],
      [largest(field, true), 'the largest signed number'],
      [BigInt(field.at), 'its own place'],
      [BigInt(original.length), 'the length of the file'],
      [sound - 1n, 'one less'],
      [sound + 1n, 'one more'],
    ]);
    if (field.encoding === 'decimal') edges.set(largest(field, false), 'the largest number');
    edges.delete(sound);
    return [...edges].map(([value, words]) => ({
      name: `${field.name} at byte ${field.at}: ${words}`,
      bytes: () => withValue(original, field, value),
    }));
  });
}

/** The file with another number in one field. */
export function withValue(original: Buffer, field: Field, value: bigint): Buffer {
  const edits = [{ field, encoded: encode(field, value) }];
  // A length that gets longer itself is counted by those around it.
  let growth = edits[0]!.encoded.length - field.width;
  for (const around of field.enclosing ?? []) {
    const encoded = encode(around, valueOf(original, around) + BigInt(growth));
    edits.push({ field: around, encoded });
    growth += encoded.length - around.width;
  }
  const pieces: Buffer[] = [];
  let done = 0;
  for (const edit of edits.sort((a, b) => a.field.at - b.field.at)) {
    pieces.push(original.subarray(done, edit.field.at), edit.encoded);
    done = edit.field.at + edit.field.width;
  }
  return Buffer.concat([...pieces, original.subarray(done)]);
}

/** The number that a field holds, without a sign. */
export function valueOf(bytes: Buffer, { at, width, encoding }: Field): bigint {
  const own = bytes.subarray(at, at + width);
  if (encoding === 'decimal') return BigInt(Math.trunc(Number(own.toString('latin1'))));
  const lowFirst = encoding === 'big-endian' ? [...own] : [...own].reverse();
  const [bits, mask] = encoding === 'varint' ? [7n, 0x7fn] : [8n, 0xffn];
  return lowFirst.reduce((value, byte) => (value << bits) | (BigInt(byte) & mask), 0n);
}

function encode({ width, encoding }: Field, value: bigint): Buffer {
  if (encoding === 'decimal') return Buffer.from(String(value));
  if (encoding === 'varint') return encodeVarint(BigInt.asUintN(64, value));
  const bytes = Buffer.alloc(width);
  let rest = BigInt.asUintN(8 * width, value);
  for (let i = 0; i < width; i++, rest >>= 8n) {
    bytes[encoding === 'big-endian' ? width - 1 - i : i] = Number(rest & 0xffn);
  }
  return bytes;
}

function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function largest({ width, encoding }: Field, signed: boolean): bigint {
  const bits = encoding === 'varint' || encoding === 'decimal' ? 64 : 8 * width;
  return 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
}
