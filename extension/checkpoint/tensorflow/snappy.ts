/**
 * Snappy's raw format, in which TensorFlow compresses the blocks of a checkpoint's index.
 *
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */

/** Bytes of a literal whose length follows its tag in 1 to 4 bytes: the tag's upper bits are 60 to 63. */
const LONG_LITERAL = 60;

/** Why bytes are not what Snappy writes; the caller knows which file they are of. */
export class SnappyError extends Error {
  override readonly name = 'SnappyError';

  /** @param tooLong where they are of a size that the caller does not want */
  constructor(
    message: string,
    readonly tooLong = false,
  ) {
    super(message);
  }
}

/** @throws SnappyError, before anything is written where they would have more than `maxBytes` */
export function decompressSnappy(input: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  const { size, position } = uncompressedSize(input);
  if (size > maxBytes) throw new SnappyError(`have ${size} bytes once decompressed, more than ${maxBytes}`, true);
  const output = new Uint8Array(size);
  let [at, written] = [position, 0];

  const integer = (bytes: number): number => {
    if (at + bytes > input.length) throw new SnappyError('end inside an element');
    let value = 0;
    for (let i = 0; i < bytes; i++) value += input[at++]! * 2 ** (8 * i);
    return value;
  };

  while (at < input.length) {
    const tag = integer(1);
    const kind = tag & 3;
    if (kind === 0) {
      const upper = tag >> 2;
      const length = (upper < LONG_LITERAL ? upper : integer(upper - LONG_LITERAL + 1)) + 1;
      if (at + length > input.length) throw new SnappyError('end inside a literal');
      if (written + length > size) throw new SnappyError('hold more than they promise');
      output.set(input.subarray(at, at + length), written);
      at += length;
      written += length;
      continue;
    }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const distance = kind === 1 ? ((tag >> 5) << 8) + integer(1) : integer(kind === 2 ? 2 : 4);
    if (distance === 0 || distance > written) throw new SnappyError('repeat what is before their beginning');
    if (written + length > size) throw new SnappyError('hold more than they promise');
    // One by one where a run repeats what it has just written.
    if (distance >= length) output.copyWithin(written, written - distance, written - distance + length);
    else for (let i = 0; i < length; i++) output[written + i] = output[written + i - distance]!;
    written += length;
  }
  if (written !== size) throw new SnappyError(`hold ${written} bytes and promise ${size}`);
  return output;
}

/** The varint that they begin with, 32 bits at most. */
function uncompressedSize(input: Uint8Array): { size: number; position: number } {
  let size = 0;
  for (let position = 0; position < 5; position++) {
    const byte = input[position];
    if (byte === undefined) throw new SnappyError('end inside their length');
    size += (byte & 0x7f) * 2 ** (7 * position);
    if (byte < 0x80) {
      if (size >= 2 ** 32) break;
      return { size, position: position + 1 };
    }
  }
  throw new SnappyError('have a length of more than 32 bits');
}
