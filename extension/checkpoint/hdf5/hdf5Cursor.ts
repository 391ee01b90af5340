/** Fields of HDF5's structures one after the other, little-endian, of widths that the file declares. */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';

/** The widths of a file's addresses and lengths, in bytes. */
export interface FieldWidths {
  readonly offsetSize: number;
  readonly lengthSize: number;
}

const UPPER_WORD = 2 ** 32;

/** Bytes before the padding that a text ends with. */
export function lengthWithout(bytes: Uint8Array, padding: number): number {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === padding) length--;
  return length;
}

export class Hdf5Cursor {
  /** Offset of the next field in `bytes`. */
  at = 0;

  /**
   * @param start of the first byte in the file
   * @param cut whether the bytes end where they do because the file ends
   */
  constructor(
    readonly bytes: Buffer,
    private readonly widths: FieldWidths,
    private readonly file: string,
    private readonly start: number,
    private readonly cut = false,
  ) {}

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Offset of the next field in the file. */
  get offset(): number {
    return this.start + this.at;
  }

  uint8(): number {
    return this.bytes[this.advance(1)]!;
  }

  uint16(): number {
    return this.bytes.readUInt16LE(this.advance(2));
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.advance(4));
  }

  /**
   * A number of up to 8 bytes. Beyond 2⁵³ it is the nearest double: no file has such a place, which its size then
   * tells.
   */
  uint(size: number): number {
    const at = this.advance(size);
    if (size <= 6) return size === 0 ? 0 : this.bytes.readUIntLE(at, size);
    return this.bytes.readUIntLE(at + 4, size - 4) * UPPER_WORD + this.bytes.readUInt32LE(at);
  }

  length(): number {
    return this.uint(this.widths.lengthSize);
  }

  /** Undefined where all bits are set: nothing was allocated. */
  address(): number | undefined {
    return this.uintOrNone(this.widths.offsetSize);
  }

  /** Infinity where all bits are set. */
  lengthOrInfinity(): number {
    return this.uintOrNone(this.widths.lengthSize) ?? Infinity;
  }

  take(count: number): Buffer {
    const at = this.advance(count);
    return this.bytes.subarray(at, at + count);
  }

  skip(count: number): void {
    this.advance(count);
  }

  /** A cursor on the next `count` bytes. */
  part(count: number): Hdf5Cursor {
    const start = this.offset;
    return new Hdf5Cursor(this.take(count), this.widths, this.file, start);
  }

  /** Text up to a zero byte, which is passed over; with `multiple`, so is the filling up to so many bytes. */
  text(multiple = 1): string {
    const end = this.bytes.indexOf(0, this.at);
    if (end < 0) throw this.error('malformed', 'has a text without an end');
    const text = this.bytes.toString('utf8', this.at, end);
    const length = end + 1 - this.at;
    this.skip(Math.min(Math.ceil(length / multiple) * multiple, this.left));
    return text;
  }

  /** @throws CheckpointError `malformed` where other bytes than these come next */
  signature(expected: string, what: string): void {
    const offset = this.offset;
    if (this.take(expected.length).toString('latin1') !== expected) {
      const reason = `its ${what} does not begin with "${expected}"`;
      throw new CheckpointError('malformed', reason, { file: this.file, offset });
    }
  }

  error(code: CheckpointErrorCode, reason: string): CheckpointError {
    return new CheckpointError(code, reason, { file: this.file, offset: this.offset });
  }

  private uintOrNone(size: number): number | undefined {
    const value = this.uint(size);
    const none = this.bytes.subarray(this.at - size, this.at).every((byte) => byte === 0xff);
    return none ? undefined : value;
  }

  private advance(count: number): number {
    const { at } = this;
    if (!(count >= 0 && count <= this.left)) {
      if (this.cut) throw this.error('truncated', 'the file ends inside a structure');
      throw this.error('malformed', `a structure of ${this.bytes.length} bytes ends inside one of its fields`);
    }
    this.at += count;
    return at;
  }
}
