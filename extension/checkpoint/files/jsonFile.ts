/** JSON sidecars (shard indexes, `model.json`) read whole, within a limit. */
import { CheckpointError } from '../checkpointError';
import { FileReader } from './fileReader';
import { JsonSyntaxError, skipSpace } from './jsonObject';
import { l10n } from '../../shared/language/l10n';

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
  const json = await readWhole(reader, maxBytes, signal);
  const start = objectStart(json);
  if (start === undefined) {
    throw new CheckpointError('unknown-format', l10n.english('is not a JSON object'), { file: reader.path, offset: 0 });
  }
  return { json, start };
}

/**
 * A small file's one object, parsed: a configuration that lies beside a checkpoint.
 *
 * @throws CheckpointError `limit` beyond `maxBytes`, `malformed` where it is not a JSON object, `not-found`, `io`, …
 */
export async function readJsonObject(
  file: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const reader = await FileReader.open(file);
  try {
    const value = parsed((await readWhole(reader, maxBytes, signal)).toString('utf8'), file);
    if (!isObject(value)) throw new CheckpointError('malformed', l10n.english('is not a JSON object'), { file });
    return value;
  } finally {
    await reader.close();
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readWhole(reader: FileReader, maxBytes: number, signal?: AbortSignal): Promise<Buffer> {
  const { path: file, size } = reader;
  if (size > maxBytes) {
    throw new CheckpointError('limit', `has ${size} bytes; more than ${maxBytes} are not read`, { file });
  }
  return Buffer.from((await reader.read(0, size, signal)).buffer);
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new CheckpointError('malformed', l10n.english('is not JSON'), {
      file,
      cause: error,
      remedy: l10n.english('repair it'),
    });
  }
}

/** A syntax error as the checkpoint's error; `base` is where the JSON begins in the file. Others pass through. */
export function jsonError(error: unknown, file: string, what: string, base = 0): unknown {
  if (!(error instanceof JsonSyntaxError)) return error;
  const where = { file, offset: base + error.offset, cause: error };
  return new CheckpointError('malformed', l10n.english('{0} is not JSON: {1}', what, error.message), where);
}
