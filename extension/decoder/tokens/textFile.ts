/** Text files in parts: UTF-8, line ends as `\n` as Python reads them. */
import { TextDecoder } from 'node:util';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { FileReader, type FileIdentity } from '../../checkpoint/files/fileReader';

/** Bytes that are read at a time. */
const PART_BYTES = 256 * 1024;

/** Characters of a line of `.jsonl`: a document of ten books. */
const LONGEST_LINE = 16 * 1024 * 1024;

const UTF16_MARKS = ['fffe', 'feff'];

export interface TextRange {
  /** Bytes of the file; a character that begins before is left out. */
  readonly start: number;
  readonly end: number;
}

/**
 * The text of a file, or of some bytes of it, part by part.
 *
 * @param expected what the file was when it was looked at before
 * @throws CheckpointError `malformed` where it is not UTF-8; `not-found`, `changed`, `io`
 */
export async function* textParts(
  file: string,
  range?: TextRange,
  signal?: AbortSignal,
  expected?: FileIdentity,
): AsyncGenerator<string> {
  const reader = await FileReader.open(file, expected);
  try {
    const { start, end } = range ?? { start: 0, end: reader.size };
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let carriage = '';
    for (let at = start; at < end; at += PART_BYTES) {
      const bytes = await reader.read(at, Math.min(PART_BYTES, end - at), signal);
      if (at === 0) refuseUtf16(bytes, file);
      const last = at + PART_BYTES >= end;
      const text = decoded(decoder, at === start && at > 0 ? fromCharacter(bytes) : bytes, {
        last: last && end === reader.size,
        file,
        at,
      });
      const whole = carriage + text;
      // The line feed may be in the next part.
      carriage = !last && whole.endsWith('\r') ? '\r' : '';
      yield whole.slice(0, whole.length - carriage.length).replaceAll(/\r\n?/g, '\n');
    }
  } finally {
    await reader.close();
  }
}

/** Lines of a text file and their numbers from 1; empty ones are left out. @throws as `textParts`; `limit` */
export async function* textLines(file: string, signal?: AbortSignal): AsyncGenerator<{ line: string; number: number }> {
  let held = '';
  let number = 0;
  for await (const part of textParts(file, undefined, signal)) {
    const lines = (held + part).split('\n');
    held = lines.pop()!;
    for (const line of lines) {
      number++;
      if (line.trim() !== '') yield { line, number };
    }
    if (held.length > LONGEST_LINE) {
      throw new CheckpointError('limit', `line ${number + 1} has more than ${LONGEST_LINE} characters`, { file });
    }
  }
  if (held.trim() !== '') yield { line: held, number: number + 1 };
}

function decoded(decoder: TextDecoder, bytes: Uint8Array, part: { last: boolean; file: string; at: number }): string {
  try {
    return decoder.decode(bytes, { stream: !part.last });
  } catch (cause) {
    const reason = `is not UTF-8 within the ${bytes.length} bytes from here`;
    throw new CheckpointError('malformed', reason, {
      file: part.file,
      offset: part.at,
      cause,
      remedy: 'save it as UTF-8',
    });
  }
}

/** Without the rest of a character that began before. */
function fromCharacter(bytes: Uint8Array): Uint8Array {
  const begin = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return begin > 0 ? bytes.subarray(begin) : bytes;
}

function refuseUtf16(bytes: Uint8Array, file: string): void {
  if (!UTF16_MARKS.includes(Buffer.from(bytes.subarray(0, 2)).toString('hex'))) return;
  throw new CheckpointError('malformed', 'is UTF-16', { file, offset: 0, remedy: 'save it as UTF-8' });
}
