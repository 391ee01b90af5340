/** JSON sidecars (shard indexes, `model.json`) read whole, within a limit. */
import { CheckpointError } from './checkpoint';
import type { FileReader } from './fileReader';
import { JsonSyntaxError, skipSpace } from './jsonObject';

/** UTF-8's byte order mark, which Windows editors put in front. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Byte of the `{` that a file's first bytes begin with, or undefined where they are not a JSON object's. */
export function objectStart(head: Uint8Array): number | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length);
  const at = skipSpace(bytes, bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0);
  return bytes[at] === 0x7b ? at : undefined;
}

/**
 * The file's bytes and where its object starts.
 *
 * @throws CheckpointError `limit` beyond `maxBytes`, `unknown-format` where it is not a JSON object
 */
export async function readJsonFile(
  reader: FileReader,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<{ json: Buffer; start: number }> {
  const file = reader.path;
  if (reader.size > maxBytes) {
    throw new CheckpointError('limit', `has ${reader.size} bytes; more than ${maxBytes} are not read`, { file });
  }
  const json = Buffer.from((await reader.read(0, reader.size, signal)).buffer);
  const start = objectStart(json);
  if (start === undefined) throw new CheckpointError('unknown-format', 'is not a JSON object', { file, offset: 0 });
  return { json, start };
}

/** A syntax error as the checkpoint's error; `base` is where the JSON begins in the file. Others pass through. */
export function jsonError(error: unknown, file: string, what: string, base = 0): unknown {
  if (!(error instanceof JsonSyntaxError)) return error;
  const where = { file, offset: base + error.offset, cause: error };
  return new CheckpointError('malformed', `${what} is not JSON: ${error.message}`, where);
}
