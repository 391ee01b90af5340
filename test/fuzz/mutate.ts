/** Damage to a file's bytes, chosen at random: what disks, networks and attackers do, with a bias to headers. */
import type { Random } from './random';

/** Headers, indexes and pickles begin a file; zip directories end it. */
const HEAD_BYTES = 4096;
const TAIL_BYTES = 2048;

/** Longest piece that is moved about. */
const MAX_PIECE = 512;

/** Damages per case: one finds what only careful reading gets to, several find what works together. */
const MAX_DAMAGES = 4;
const ONE_DAMAGE_SHARE = 0.6;

/** Numbers at the edges of what lengths and counts are stored in. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
];

export interface Mutation {
  readonly bytes: Uint8Array;
  /** What was done, for the report. */
  readonly description: string;
}

type Damage = (bytes: Uint8Array, random: Random) => Mutation;

/** One to four damages, one after the other. */
export function mutate(original: Uint8Array, random: Random): Mutation {
  // A copy that is no Buffer: the slice of a Buffer is a view, and damage to it would be damage to the original.
  let bytes: Uint8Array = new Uint8Array(original);
  const descriptions: string[] = [];
  const count = random.next() < ONE_DAMAGE_SHARE ? 1 : 1 + random.below(MAX_DAMAGES);
  for (let done = 0; done < count && bytes.length > 0; done++) {
    const mutation = random.pick(DAMAGES)(bytes, random);
    bytes = mutation.bytes;
    descriptions.push(mutation.description);
  }
  return { bytes, description: descriptions.join('; ') };
}

/** A place in the file: near its beginning, near its end, or anywhere. */
function place(bytes: Uint8Array, random: Random): number {
  const where = random.next();
  if (where < 0.5) return random.below(Math.min(HEAD_BYTES, bytes.length));
  if (where < 0.75) return bytes.length - 1 - random.below(Math.min(TAIL_BYTES, bytes.length));
  return random.below(bytes.length);
}

function overwrite(bytes: Uint8Array, at: number, values: ArrayLike<number>): Uint8Array {
  const changed = bytes.slice();
  const length = Math.min(values.length, bytes.length - at);
  for (let index = 0; index < length; index++) changed[at + index] = values[index]!;
  return changed;
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]));
}

const flipBits: Damage = (bytes, random) => {
  const at = place(bytes, random);
  const mask = 1 << random.below(8);
  return { bytes: overwrite(bytes, at, [bytes[at]! ^ mask]), description: `flip 0x${mask.toString(16)} at ${at}` };
};

const setByte: Damage = (bytes, random) => {
  const at = place(bytes, random);
  const value = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  return { bytes: overwrite(bytes, at, [value]), description: `set ${value} at ${at}` };
};

const truncate: Damage = (bytes, random) => {
  const length = place(bytes, random);
  return { bytes: bytes.slice(0, length), description: `cut to ${length} bytes` };
};

const remove: Damage = (bytes, random) => {
  const at = place(bytes, random);
  const length = 1 + random.below(Math.min(MAX_PIECE, bytes.length - at));
  return { bytes: splice(bytes, at, length, new Uint8Array()), description: `remove ${length} bytes at ${at}` };
};

const duplicate: Damage = (bytes, random) => {
  const from = place(bytes, random);
  const length = 1 + random.below(Math.min(MAX_PIECE, bytes.length - from));
  const at = random.next() < 0.5 ? from : place(bytes, random);
  const piece = bytes.slice(from, from + length);
  return { bytes: splice(bytes, at, 0, piece), description: `insert ${length} bytes of ${from} at ${at}` };
};

const overlay: Damage = (bytes, random) => {
  const from = place(bytes, random);
  const at = place(bytes, random);
  const piece = bytes.slice(from, from + 1 + random.below(MAX_PIECE));
  return { bytes: overwrite(bytes, at, piece), description: `copy ${piece.length} bytes of ${from} over ${at}` };
};

const noise: Damage = (bytes, random) => {
  const at = place(bytes, random);
  const piece = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
  return { bytes: overwrite(bytes, at, piece), description: `write ${Buffer.from(piece).toString('hex')} at ${at}` };
};

/** Binary lengths: little- and big-endian numbers of 1 to 8 bytes, and protobuf's varints. */
const length: Damage = (bytes, random) => {
  const at = place(bytes, random);
  const value = random.pick([...EDGES, BigInt(bytes.length), BigInt(bytes.length - at), BigInt(random.below(2 ** 31))]);
  const width = random.pick([1, 2, 4, 8]);
  const encoded = Buffer.alloc(8);
  encoded.writeBigUInt64LE(value);
  const kind = random.pick(['little-endian', 'big-endian', 'varint']);
  let written: Uint8Array = encoded.subarray(0, width);
  if (kind === 'big-endian') written = Buffer.from(written).reverse();
  if (kind === 'varint') written = varint(value);
  return { bytes: overwrite(bytes, at, written), description: `write ${kind} ${value} (${width}) at ${at}` };
};

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** Lengths in text headers: the digits at or after a place become another number. */
const digits: Damage = (bytes, random) => {
  const from = place(bytes, random);
  const isDigit = (at: number) => bytes[at]! >= 48 && bytes[at]! < 58;
  let at = from;
  while (at < Math.min(from + HEAD_BYTES, bytes.length) && !isDigit(at)) at++;
  if (at >= bytes.length || !isDigit(at)) return flipBits(bytes, random);
  let end = at;
  while (end < bytes.length && end < at + 20 && isDigit(end)) end++;
  const number = random.pick(['0', '-1', '1e999', '1.5', '9007199254740993', '99999999999999999999', '""', '[]', '4']);
  return {
    bytes: splice(bytes, at, end - at, Buffer.from(number)),
    description: `number at ${at} becomes ${number}`,
  };
};

/** Brackets, braces and pickle's MARK, many times over: recursion. */
const nest: Damage = (bytes, random) => {
  const at = place(bytes, random);
  const piece = Buffer.alloc(1 + random.below(20_000), random.pick(['[', '{"a":', '(', ']', '}', '\\', '"']));
  return {
    bytes: splice(bytes, at, 0, piece),
    description: `insert ${piece.length} bytes of ${String.fromCharCode(piece[0]!)} at ${at}`,
  };
};

const DAMAGES: readonly Damage[] = [
  flipBits,
  flipBits,
  setByte,
  setByte,
  truncate,
  remove,
  duplicate,
  overlay,
  noise,
  length,
  length,
  digits,
  nest,
];
