/**
 * MessagePack read by position: the structure is walked, long texts and arrays are skipped unread. (The decoders on npm
 * build whole values from whole buffers, which a checkpoint of gigabytes does not fit into.)
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { CheckpointError, type CheckpointErrorCode } from '../checkpointError';
import type { FileReader } from '../files/fileReader';
import { ReadWindow } from '../files/readWindow';

/** After a skip little is wanted, a header; where reading goes on, each window is twice the last, up to the largest. */
const SMALLEST_WINDOW_BYTES = 4096;
const LARGEST_WINDOW_BYTES = 65536;

/** The longest token without what it announces: a byte, and a number of 8. */
const TOKEN_BYTES = 9;

/** Keys and leaves: a tensor has about ten, with its keys. Bounds the time that a file of tiny values takes. */
const MAX_VALUES = 1_200_000;

export type MsgpackToken =
  | { readonly kind: 'map' | 'array'; readonly count: number }
  /** `length` bytes follow. */
  | { readonly kind: 'text' | 'bytes'; readonly length: number }
  | { readonly kind: 'extension'; readonly length: number; readonly code: number }
  | { readonly kind: 'plain'; readonly value: number | bigint | boolean | null };

export class MsgpackReader {
  /** Byte of the next token. */
  position = 0;
  private readonly window: ReadWindow;
  private values = 0;

  constructor(
    private readonly file: FileReader,
    signal: AbortSignal | undefined,
  ) {
    this.window = new ReadWindow(file, signal);
  }

  get size(): number {
    return this.file.size;
  }

  /** @throws CheckpointError `truncated`, `malformed`, `limit`, `changed`, `io` */
  async next(): Promise<MsgpackToken> {
    if (++this.values > MAX_VALUES) throw this.error('limit', `holds more than ${MAX_VALUES} keys and values`);
    this.assertLeft(1);
    const length = Math.min(TOKEN_BYTES, this.size - this.position);
    if (!this.window.holds(this.position, length)) await this.fill(length);
    return this.token();
  }

  private token(): MsgpackToken {
    const code = this.number(1);
    if (code < 0x80) return plain(code);
    if (code < 0x90) return { kind: 'map', count: code & 0x0f };
    if (code < 0xa0) return { kind: 'array', count: code & 0x0f };
    if (code < 0xc0) return { kind: 'text', length: code & 0x1f };
    if (code >= 0xe0) return plain(code - 0x100);
    if (code >= 0xd4 && code <= 0xd8) return this.extension(2 ** (code - 0xd4));
    switch (code) {
      case 0xc0:
        return plain(null);
      case 0xc2:
      case 0xc3:
        return plain(code === 0xc3);
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return { kind: 'bytes', length: this.number(2 ** (code - 0xc4)) };
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.number(2 ** (code - 0xc7)));
      case 0xca:
        return plain(this.take(4).readFloatBE());
      case 0xcb:
        return plain(this.take(8).readDoubleBE());
      case 0xcc:
      case 0xcd:
      case 0xce:
        return plain(this.number(2 ** (code - 0xcc)));
      case 0xcf:
        return plain(this.take(8).readBigUInt64BE());
      case 0xd0:
      case 0xd1:
      case 0xd2: {
        const size = 2 ** (code - 0xd0);
        return plain(this.take(size).readIntBE(0, size));
      }
      case 0xd3:
        return plain(this.take(8).readBigInt64BE());
      case 0xd9:
      case 0xda:
      case 0xdb:
        return { kind: 'text', length: this.number(2 ** (code - 0xd9)) };
      case 0xdc:
      case 0xdd:
        return { kind: 'array', count: this.number(2 * 2 ** (code - 0xdc)) };
      case 0xde:
      case 0xdf:
        return { kind: 'map', count: this.number(2 * 2 ** (code - 0xde)) };
      default:
        throw this.error('malformed', `has the byte 0x${code.toString(16)}, which begins no value`, this.position - 1);
    }
  }

  /** Text of a text or bytes token. @throws CheckpointError `truncated` */
  async text(length: number): Promise<string> {
    this.assertLeft(length);
    if (!this.window.holds(this.position, length)) await this.fill(length);
    return this.take(length).toString('utf8');
  }

  /** @throws CheckpointError `truncated` where fewer bytes are left */
  skip(length: number): void {
    this.assertLeft(length);
    this.position += length;
  }

  error(code: CheckpointErrorCode, reason: string, offset = this.position): CheckpointError {
    return new CheckpointError(code, reason, { file: this.file.path, offset });
  }

  private async fill(length: number): Promise<void> {
    const goesOn = this.window.holds(this.position, 0);
    const grown = goesOn ? Math.min(2 * this.window.bytes.length, LARGEST_WINDOW_BYTES) : 0;
    const wanted = Math.max(length, grown, SMALLEST_WINDOW_BYTES);
    await this.window.load(this.position, Math.min(wanted, this.size - this.position));
  }

  private extension(length: number): MsgpackToken {
    return { kind: 'extension', length, code: this.take(1).readInt8() };
  }

  private number(size: number): number {
    return this.take(size).readUIntBE(0, size);
  }

  private take(length: number): Buffer {
    this.assertLeft(length);
    const bytes = this.window.view(this.position, length);
    this.position += length;
    return bytes;
  }

  private assertLeft(length: number): void {
    if (this.position + length <= this.size) return;
    throw this.error('truncated', `the file ends at byte ${this.size}, where ${length} more bytes are announced`);
  }
}

function plain(value: number | bigint | boolean | null): MsgpackToken {
  return { kind: 'plain', value };
}
