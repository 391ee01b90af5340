/** Object headers: the messages that say what a group or a dataset is. Versions 1 and 2, with their continuations. */
import type { Hdf5Bytes } from './hdf5Bytes';
import { assertChecksum } from './hdf5Checksum';
import type { Hdf5Cursor } from './hdf5Cursor';

export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFillValue: 0x04,
  fillValue: 0x05,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

/** The type of unused space. */
const NIL = 0;

/** Flag of a message whose bytes another object has. */
const SHARED = 2;

const CHECKSUM_BYTES = 4;

/** Real ones have tens; a message has at most 64 kB. */
const MAX_MESSAGES = 65_536;
const MAX_HEADER_BYTES = 8 * 1024 * 1024;

/** Each holds at least one message; a chain that meets itself is longer. */
const MAX_BLOCKS = 4096;

/** The longest fixed part of a header. */
const PREFIX_BYTES = 64;

export interface Message {
  readonly type: number;
  /** Its bytes are those of another object's message: `body` is only a pointer to it. */
  readonly shared: boolean;
  readonly body: Buffer;
  /** Of `body` in the file. */
  readonly offset: number;
}

interface Block {
  readonly address: number | undefined;
  readonly length: number;
}

/** Messages in file order. @throws CheckpointError `malformed`, `limit`, `corrupt`, `truncated`, … */
export async function readObjectHeader(bytes: Hdf5Bytes, address: number | undefined): Promise<readonly Message[]> {
  const header = new ObjectHeader(bytes);
  await header.read(address);
  return header.messages;
}

/** The one message of a type, read where another object has it; undefined where there is none. */
export async function findMessage(
  messages: readonly Message[],
  type: number,
  bytes: Hdf5Bytes,
): Promise<Hdf5Cursor | undefined> {
  const found = messages.find((message) => message.type === type);
  return found && messageBody(found, bytes);
}

/** @throws CheckpointError `unsupported` where a message lies in the file's heap of shared ones */
export async function messageBody({ type, shared, body, offset }: Message, bytes: Hdf5Bytes): Promise<Hdf5Cursor> {
  const cursor = bytes.cursor(body, offset);
  return shared ? sharedMessage(cursor, type, bytes) : cursor;
}

/** Follows the pointer that stands in place of a message; one that leads to another pointer is refused. */
export async function sharedMessage(cursor: Hdf5Cursor, type: number, bytes: Hdf5Bytes): Promise<Hdf5Cursor> {
  const version = cursor.uint8();
  const kind = cursor.uint8();
  if (version === 3 && kind === 1) {
    throw cursor.error('unsupported', 'keeps its header in the file’s table of shared messages, which is not read');
  }
  if (version === 1) cursor.skip(6 + bytes.widths.lengthSize);
  const messages = await readObjectHeader(bytes, cursor.address());
  const found = messages.find((message) => message.type === type && !message.shared);
  if (!found) throw cursor.error('malformed', 'refers to an object that has not the message it shares');
  return bytes.cursor(found.body, found.offset);
}

class ObjectHeader {
  readonly messages: Message[] = [];
  private readonly blocks: Block[] = [];
  private version: 1 | 2 = 1;
  private creationOrder = false;

  constructor(private readonly bytes: Hdf5Bytes) {}

  async read(address: number | undefined): Promise<void> {
    const { bytes, blocks, messages } = this;
    const prefix = await bytes.beginning(address, PREFIX_BYTES, 'object header');
    await (prefix.bytes[0] === 1 ? this.first1(prefix, address!) : this.first2(prefix, address!));
    // More are found on the way.
    for (let i = 0; i < blocks.length; i++) {
      const { address: start, length } = blocks[i]!;
      if (i >= MAX_BLOCKS || length > MAX_HEADER_BYTES || messages.length > MAX_MESSAGES) {
        const limit = `${MAX_BLOCKS} parts, ${MAX_HEADER_BYTES} bytes or ${MAX_MESSAGES} messages`;
        throw bytes.error('limit', `an object header has more than ${limit}`, address);
      }
      const block = await bytes.block(start, length, 'object header');
      if (this.version === 2) this.checked(block, 'OCHK');
      else this.take(block);
    }
  }

  private async first1(prefix: Hdf5Cursor, address: number): Promise<void> {
    // Version, reserved, numbers of messages and of references.
    prefix.skip(8);
    const length = prefix.uint32();
    this.assertLength(length, prefix);
    // Messages are aligned to 8 bytes.
    this.take(await this.bytes.block(address + 16, length, 'object header'));
  }

  private async first2(prefix: Hdf5Cursor, address: number): Promise<void> {
    prefix.signature('OHDR', 'object header');
    const version = prefix.uint8();
    if (version !== 2) throw prefix.error('unsupported', `has an object header of version ${version}`);
    this.version = 2;
    const flags = prefix.uint8();
    this.creationOrder = (flags & 4) !== 0;
    // Four times; the numbers of attributes at which they move to a heap and back.
    prefix.skip((flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
    const length = prefix.uint(1 << (flags & 3));
    this.assertLength(length, prefix);
    const start = prefix.at;
    const block = await this.bytes.block(address, start + length + CHECKSUM_BYTES, 'object header');
    this.checked(block, 'OHDR', start);
  }

  private assertLength(length: number, at: Hdf5Cursor): void {
    if (length > MAX_HEADER_BYTES) {
      throw at.error('limit', `an object header has ${length} bytes; at most ${MAX_HEADER_BYTES} are read`);
    }
  }

  /** Messages from `start` up to the checksum. */
  private checked(block: Hdf5Cursor, signature: string, start = signature.length): void {
    block.signature(signature, 'object header');
    block.skip(block.left - CHECKSUM_BYTES);
    assertChecksum(block, 'object header');
    block.at = start;
    this.take(block.part(block.left - CHECKSUM_BYTES));
  }

  private take(block: Hdf5Cursor): void {
    const { version, creationOrder, bytes } = this;
    const headBytes = version === 1 ? 8 : creationOrder ? 6 : 4;
    // Fewer bytes are a gap.
    while (block.left >= headBytes) {
      const start = block.at;
      const type = version === 1 ? block.uint16() : block.uint8();
      const length = block.uint16();
      const flags = block.uint8();
      block.at = start + headBytes;
      if (length > block.left) throw block.error('malformed', 'a message is longer than its object header');
      const { offset } = block;
      const body = block.take(length);
      if (type === MESSAGE.continuation) {
        const next = bytes.cursor(body, offset);
        this.blocks.push({ address: next.address(), length: next.length() });
      } else if (type !== NIL) this.messages.push({ type, shared: (flags & SHARED) !== 0, body, offset });
    }
  }
}
