/** Operands of pickle opcodes, read one after the other out of a buffer that may be only the beginning of the pickle. */
import { isAscii } from 'node:buffer';
import { CheckpointError } from '../checkpointError';

/** Longest decimal or binary integer, in bytes: PyTorch's own magic number has 10, random states at most 2 500 in all. */
const MAX_INTEGER_BYTES = 1024;

/** Longest text line: names of classes and numbers; long strings use other opcodes. */
const MAX_LINE_BYTES = 1024 * 1024;

/** As Python's `repr` has them. */
const INFINITIES: ReadonlyMap<string, number> = new Map([
  ['inf', Infinity],
  ['-inf', -Infinity],
]);

/** The buffer ended before the pickle: thrown only where more bytes exist. */
export class PickleNeedsMore extends Error {
  /** @param bytes how many bytes the buffer must hold at least */
  constructor(readonly bytes: number) {
    super(`the pickle needs at least ${bytes} bytes`);
  }
}

export interface PickleSource {
  readonly file: string;
  /** The pickle's first bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of the bytes in the file, for messages. */
  readonly offset: number;
  /** Bytes that exist from `offset` on, at least `bytes.length`. */
  readonly available: number;
}

export class PickleCursor {
  private readonly buffer: Buffer;
  at = 0;

  constructor(private readonly source: PickleSource) {
    const { bytes } = source;
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** @throws PickleNeedsMore, CheckpointError `truncated` */
  private take(length: number): number {
    const start = this.at;
    const end = start + length;
    if (end > this.buffer.length) {
      if (end <= this.source.available) throw new PickleNeedsMore(end);
      const message = `the pickle ends after ${this.source.available} bytes, inside of an instruction that needs ${end}`;
      throw new CheckpointError('truncated', message, this.where());
    }
    this.at = end;
    return start;
  }

  where(): { file: string; offset: number } {
    return { file: this.source.file, offset: this.source.offset + this.at };
  }

  uint8(): number {
    return this.buffer.readUInt8(this.take(1));
  }

  uint16(): number {
    return this.buffer.readUInt16LE(this.take(2));
  }

  uint32(): number {
    return this.buffer.readUInt32LE(this.take(4));
  }

  int32(): number {
    return this.buffer.readInt32LE(this.take(4));
  }

  /** A length that the pickle declares. @throws CheckpointError `malformed` where it is negative */
  length(declared: number): number {
    if (declared < 0) this.fail(`a length of ${declared}`);
    return declared;
  }

  /** Beyond 2^53 the value is rounded: as a length it is refused either way. */
  uint64(): number {
    return Number(this.buffer.readBigUInt64LE(this.take(8)));
  }

  /** Big-endian, as pickles store it. */
  float64(): number {
    return this.buffer.readDoubleBE(this.take(8));
  }

  /** A copy: a small array that is kept must not keep the whole pickle in memory. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const start = this.take(length);
    // Not `slice`, which gives a view where the source is a Buffer.
    return new Uint8Array(this.source.bytes.subarray(start, start + length));
  }

  utf8(length: number): string {
    const start = this.take(length);
    return this.buffer.toString('utf8', start, start + length);
  }

  /** Python 2's `str`: text where it is ASCII, bytes otherwise. */
  byteString(length: number): string | Uint8Array {
    const bytes = this.bytes(length);
    return isAscii(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1') : bytes;
  }

  /** Two's complement, little-endian, `length` bytes. */
  integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) this.tooLong('an integer', length, MAX_INTEGER_BYTES);
    const start = this.take(length);
    if (length === 0) return 0;
    if (length <= 6) return this.buffer.readIntLE(start, length);
    if (length === 8) return narrow(this.buffer.readBigInt64LE(start));
    const hex = Buffer.from(this.buffer.subarray(start, start + length))
      .reverse()
      .toString('hex');
    return narrow(BigInt.asIntN(length * 8, BigInt(`0x${hex}`)));
  }

  /** Decimal text with an optional `L`. */
  decimal(): number | bigint {
    const text = this.line().replace(/L$/, '');
    if (text.length > MAX_INTEGER_BYTES) this.tooLong('an integer', text.length, MAX_INTEGER_BYTES);
    if (!/^\s*[-+]?\d+\s*$/.test(text)) this.fail(`"${text.slice(0, 40)}" is not an integer`);
    return narrow(BigInt(text.trim().replace(/^\+/, '')));
  }

  /** Protocol 0 writes booleans as integers with a leading zero. */
  integerOrBoolean(): number | bigint | boolean {
    const start = this.at;
    const value = this.decimal();
    const text = this.buffer.toString('latin1', start, this.at - 1);
    return text === '01' ? true : text === '00' ? false : value;
  }

  /** Python's `repr` of a float. */
  decimalFraction(): number {
    const text = this.line().trim();
    const value = INFINITIES.get(text) ?? (/^[-+.\d]/.test(text) ? Number(text) : NaN);
    if (Number.isNaN(value) && text !== 'nan') this.fail(`"${text.slice(0, 40)}" is not a number`);
    return value;
  }

  /** Text up to the next line feed, which is skipped; each character is one byte. */
  line(): string {
    const limit = Math.min(this.buffer.length, this.at + MAX_LINE_BYTES);
    const end = this.buffer.subarray(this.at, limit).indexOf(0x0a);
    if (end < 0) {
      if (limit - this.at >= MAX_LINE_BYTES) this.tooLong('a line', MAX_LINE_BYTES + 1, MAX_LINE_BYTES);
      this.take(limit - this.at + 1);
    }
    const text = this.buffer.toString('latin1', this.at, this.at + end);
    this.at += end + 1;
    return text;
  }

  fail(message: string): never {
    throw new CheckpointError('malformed', `damaged pickle: ${message}`, this.where());
  }

  private tooLong(what: string, length: number, limit: number): never {
    const message = `the pickle holds ${what} of ${length} bytes; at most ${limit} are read`;
    throw new CheckpointError('limit', message, this.where());
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** Python's `repr` of a byte string, as protocol 0 writes strings; undefined where it is not one. */
export function unquote(text: string): string | undefined {
  const quoted = /^(['"])(.*)\1$/s.exec(text.trim());
  return quoted?.[2]?.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/gs, (_, escape: string) => {
    if (/^x../s.test(escape)) return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8) & 0xff);
    return ESCAPES[escape] ?? escape;
  });
}

/** Python's raw-unicode-escape, as protocol 0 writes text. */
export function unescapeUnicode(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g, (whole, short?: string, long?: string) => {
    const code = parseInt(short ?? long ?? '', 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
