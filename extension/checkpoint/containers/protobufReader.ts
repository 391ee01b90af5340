/**
 * A cursor over protobuf messages in a file. It reads through one small window and steps over long fields by their
 * length. A general protobuf library decodes from memory, so it would have to load a whole model (2 GB and more) to
 * find the names and places of its tensors: that is why this reader exists. The window is its own, no `ReadWindow`: the
 * same memory is filled anew each time, as a walk over many small fields moves it often.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import type { ByteSource } from '../files/fileBytes';

/** One positioned read: hundreds of small fields at once, yet cheap where each tensor of a big model costs one. */
const WINDOW_BYTES = 64 * 1024;

/** The longest varint: 64 bits in groups of seven. */
const MAX_VARINT_BYTES = 10;

/** A tag and the varint behind it; what `next` needs in the window. */
const FIELD_HEAD_BYTES = 2 * MAX_VARINT_BYTES;

/**
 * Fields that walks through one file may visit, at 0.1 to 0.4 µs each: an empty one takes two bytes. The largest graphs
 * have a hundred thousand nodes of some 25 fields.
 */
const MAX_FIELDS = 5_000_000;

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Byte range in the file. `end` may lie beyond the end of a file that was cut short. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One field: `offset` is its tag's place, [start, end) its payload (for a varint: the varint's own bytes). */
export interface Field extends Span {
  readonly offset: number;
  readonly number: number;
  readonly wire: number;
  /** Value of a varint (both halves unsigned); 0 for other wire types. */
  readonly low: number;
  readonly high: number;
}

export class ProtobufReader {
  /** Offset of the next field or varint. */
  position = 0;
  /** The tensor that is being read, named in errors. */
  subject: string | undefined;
  /** Halves of the last varint, unsigned 32 bits each. */
  low = 0;
  high = 0;
  /** Fields that may still be read, of `MAX_FIELDS`. */
  private fieldsLeft = MAX_FIELDS;
  private readonly window: Uint8Array;
  private windowStart = 0;
  private windowEnd = 0;

  constructor(
    private readonly file: ByteSource,
    private readonly signal?: AbortSignal,
  ) {
    this.window = new Uint8Array(Math.min(WINDOW_BYTES, file.size));
  }

  /** Bytes in the file. */
  get size(): number {
    return this.file.size;
  }

  /**
   * Calls `visit` for each field of the message at `message`, in file order. `visit` may move the cursor (descend,
   * read text); it is put behind the field afterwards.
   *
   * @throws CheckpointError `truncated` where the message or a field runs beyond the file, after everything before
   *   the cut was visited; `malformed` with the byte offset for wrong tags, groups, overlong varints, and fields
   *   that run beyond their message; `limit` beyond `MAX_FIELDS`, from then on for every walk
   */
  async walk(message: Span, visit: (field: Field) => Promise<void> | void): Promise<void> {
    const limit = Math.min(message.end, this.size);
    this.position = message.start;
    while (this.position < limit) {
      const field = await this.next(limit);
      const pending = visit(field);
      if (pending) await pending;
      if (field.end > this.size) throw this.truncated(field.offset, field.end);
      this.position = field.end;
    }
    if (message.end > this.size) throw this.truncated(message.start, message.end);
  }

  /** The field at the cursor, inside a message that ends at `limit`. Errors as `walk`. */
  private async next(limit: number): Promise<Field> {
    if (!this.holds(FIELD_HEAD_BYTES)) await this.load();
    const offset = this.position;
    if (this.fieldsLeft <= 0) throw this.error('limit', `has more than ${MAX_FIELDS} fields`, offset);
    this.fieldsLeft--;
    this.varint(limit);
    const wire = this.low & 7;
    const number = this.low >>> 3;
    if (this.high !== 0 || number === 0) throw this.malformed('has a field number outside 1 … 536870911', offset);
    let start = this.position;
    let end: number;
    let [low, high] = [0, 0];
    switch (wire) {
      case WIRE.varint:
        this.varint(limit);
        ({ low, high } = this);
        end = this.position;
        break;
      case WIRE.fixed64:
        end = start + 8;
        break;
      case WIRE.fixed32:
        end = start + 4;
        break;
      case WIRE.bytes:
        this.varint(limit);
        start = this.position;
        end = start + this.high * 2 ** 32 + this.low;
        break;
      case 3:
      case 4:
        throw this.malformed(`uses the group wire type ${wire}, which this format never does`, offset);
      default:
        throw this.malformed(`has the wire type ${wire}, which does not exist`, offset);
    }
    if (end > limit && limit < this.size) {
      throw this.malformed(
        `has a field (number ${number}) up to byte ${end} in a message that ends at byte ${limit}`,
        offset,
      );
    }
    return { offset, number, wire, start, end, low, high };
  }

  /** Takes what costs as much time as `fields` fields from those that may be visited. */
  spend(fields: number): void {
    this.fieldsLeft -= fields;
  }

  /** True once no more fields may be visited. */
  get isSpent(): boolean {
    return this.fieldsLeft <= 0;
  }

  /** True where a varint can be read at once; otherwise `load` first. */
  holdsVarint(): boolean {
    return this.holds(MAX_VARINT_BYTES);
  }

  private holds(bytes: number): boolean {
    const end = Math.min(this.position + bytes, this.size);
    return this.position >= this.windowStart && end <= this.windowEnd;
  }

  /** Moves the window to the cursor. */
  async load(): Promise<void> {
    const start = Math.min(this.position, this.size);
    const length = Math.min(this.window.length, this.size - start);
    this.windowEnd = this.windowStart = start;
    await this.file.readInto(this.window.subarray(0, length), start, this.signal);
    this.windowEnd = start + length;
  }

  /**
   * Reads a varint at the cursor into `low` and `high`. The window must hold it (`holdsVarint`, `load`).
   *
   * @param limit end of the message or packed field it is in
   */
  varint(limit: number): void {
    const offset = this.position;
    let [low, high] = [0, 0];
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      if (this.position >= limit) {
        if (limit >= this.size) throw this.truncated(offset, this.position + 1);
        throw this.malformed(`has a number that runs beyond its message's end at byte ${limit}`, offset);
      }
      const byte = this.window[this.position - this.windowStart]!;
      this.position++;
      if (index < 4) low |= (byte & 0x7f) << (7 * index);
      else if (index === 4) {
        low |= (byte & 0x0f) << 28;
        high |= (byte & 0x7f) >> 4;
      } else high |= (byte & 0x7f) << (7 * index - 32);
      if (index === MAX_VARINT_BYTES - 1 && byte > 1) break;
      if (byte < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw this.malformed('has a number of more than 64 bits', offset);
  }

  /** The four bytes at the cursor, little-endian, as an unsigned number. The window must hold them. */
  fixed32(limit: number): number {
    const at = this.position - this.windowStart;
    if (this.position + 4 > limit) {
      throw this.malformed(`has a number that runs beyond its field's end at byte ${limit}`, this.position);
    }
    this.position += 4;
    const [a, b, c, d] = [this.window[at]!, this.window[at + 1]!, this.window[at + 2]!, this.window[at + 3]!];
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  /** @throws CheckpointError `malformed` where the field is encoded as something else than its type asks for */
  expectWire(field: Field, wire: number): void {
    if (field.wire !== wire) {
      throw this.malformed(
        `has field number ${field.number} with wire type ${field.wire}, expected ${wire}`,
        field.offset,
      );
    }
  }

  /** The UTF-8 text of a field. @throws CheckpointError `limit` beyond `maxBytes` */
  async text(field: Field, maxBytes: number): Promise<string> {
    this.expectWire(field, WIRE.bytes);
    const length = field.end - field.start;
    if (field.end > this.size) throw this.truncated(field.offset, field.end);
    if (length > maxBytes) {
      throw this.error('limit', `has a text of ${length} bytes, more than the limit of ${maxBytes}`, field.offset);
    }
    this.position = field.start;
    if (length <= this.window.length) {
      if (!this.holds(length)) await this.load();
      const at = field.start - this.windowStart;
      return decoder.decode(this.window.subarray(at, at + length));
    }
    return decoder.decode(await this.file.read(field.start, length, this.signal));
  }

  /** A field's varint as a count or code. @throws CheckpointError `malformed` for negative or beyond 2⁵³ */
  unsigned(field: Field): number {
    this.expectWire(field, WIRE.varint);
    return this.toCount(field.low, field.high, field.offset);
  }

  /** Two varint halves as a count. @throws CheckpointError as `unsigned` */
  toCount(low: number, high: number, offset: number): number {
    const value = high * 2 ** 32 + low;
    if (value > Number.MAX_SAFE_INTEGER) {
      throw this.malformed(high >= 2 ** 31 ? 'has a negative size' : 'has a size beyond 2^53', offset);
    }
    return value;
  }

  malformed(what: string, offset: number): CheckpointError {
    return this.error('malformed', what, offset);
  }

  /** An error about this file, this place and the tensor that is being read. */
  error(code: CheckpointErrorCode, what: string, offset: number): CheckpointError {
    return new CheckpointError(code, what, {
      file: this.file.path,
      offset,
      ...(this.subject && { tensor: this.subject }),
    });
  }

  private truncated(offset: number, end: number): CheckpointError {
    return this.error('truncated', `the file ends at byte ${this.size}, but promises data up to byte ${end}`, offset);
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
