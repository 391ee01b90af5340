/**
 * A protobuf file with some of its fields changed. What is not changed is copied byte for byte, fields that are not known
 * here too: only the lengths of the messages around a change are written anew. Nothing is held but the changes, so a file
 * may be larger than the memory.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { WIRE, type Field, type Span } from '../../../checkpoint/containers/protobufReader';
import type { ReadableBytes } from '../../../checkpoint/files/fileBytes';
import type { AppendBytes } from '../../appender';
import type { PieceReader } from '../writer';

/** The elements of a tensor of a finished piece (`writer.ts`), which are read when they are written. */
export interface TensorBytes {
  readonly length: number;
  readonly piece: string;
  readonly tensor: string;
}

/** Part of the new file: new bytes, a range of the source, a tensor's elements. */
export type Stretch = Uint8Array | Span | TensorBytes;

/** Takes the bytes [at, until) out of the source and puts `stretches` in their place. */
export interface Change {
  /** The length-delimited fields that hold the place, outermost first. */
  readonly path: readonly Field[];
  readonly at: number;
  readonly until: number;
  readonly put: readonly Stretch[];
}

/** Memory that a copy holds at a time. */
const BAND_BYTES = 8 * 1024 * 1024;

/** In place of a whole field of the innermost message of `path`. */
export function inPlaceOf(path: readonly Field[], field: Field, put: readonly Stretch[]): Change {
  return { path, at: field.offset, until: field.end, put };
}

/** Behind everything that the innermost message of `path` holds. */
export function atEndOf(path: readonly Field[], put: readonly Stretch[]): Change {
  const { end } = path.at(-1)!;
  return { path, at: end, until: end, put };
}

/**
 * The file of `size` bytes with its changes made. Changes at one place come in the order in which they are given.
 *
 * @throws RangeError for changes that overlap
 */
export function rewritten(size: number, changes: readonly Change[]): Stretch[] {
  return rewrittenMessage({ start: 0, end: size }, changes, 0);
}

interface Step {
  readonly at: number;
  readonly until: number;
  readonly put: readonly Stretch[];
}

function rewrittenMessage(message: Span, changes: readonly Change[], depth: number): Stretch[] {
  const steps: Step[] = changes.filter(({ path }) => path.length === depth);
  const below = new Map<number, { readonly field: Field; readonly changes: Change[] }>();
  for (const change of changes) {
    const field = change.path[depth];
    if (!field) continue;
    const known = below.get(field.offset);
    if (known) known.changes.push(change);
    else below.set(field.offset, { field, changes: [change] });
  }
  for (const { field, changes: inner } of below.values()) {
    const content = rewrittenMessage(field, inner, depth + 1);
    steps.push({ at: field.offset, until: field.end, put: nested(field.number, ...content) });
  }
  steps.sort((a, b) => a.at - b.at || a.until - b.until);
  const stretches: Stretch[] = [];
  let position = message.start;
  for (const { at, until, put } of steps) {
    if (at < position || until > message.end) throw new RangeError(`two changes overlap at byte ${at}`);
    if (at > position) stretches.push({ start: position, end: at });
    for (const stretch of put) stretches.push(stretch);
    position = until;
  }
  if (position < message.end) stretches.push({ start: position, end: message.end });
  return stretches;
}

export function lengthOf(stretches: readonly Stretch[]): number {
  return stretches.reduce((sum, each) => sum + ('start' in each ? each.end - each.start : each.length), 0);
}

/** What the stretches are read from. */
export interface StretchSources {
  /** The file that is rewritten. */
  readonly file: ReadableBytes;
  readonly pieces: PieceReader;
}

export async function writeStretches(
  stretches: readonly Stretch[],
  { file, pieces }: StretchSources,
  append: AppendBytes,
  signal?: AbortSignal,
): Promise<void> {
  for (const stretch of stretches) {
    if (stretch instanceof Uint8Array) await append(stretch);
    else if ('start' in stretch) await copyRange(stretch, file, append, signal);
    else {
      const bytes = await pieces.read(stretch.piece, stretch.tensor);
      if (bytes.length !== stretch.length) {
        throw new RangeError(`${stretch.tensor} has ${bytes.length} bytes where ${stretch.length} were announced`);
      }
      await append(bytes);
    }
  }
}

const NO_PIECES: PieceReader = {
  read: (_, tensor) => Promise.reject(new RangeError(`there is no piece that has ${tensor}`)),
};

/** The whole new file, of stretches that are not read from pieces. */
export async function bytesOf(
  stretches: readonly Stretch[],
  file: ReadableBytes,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(lengthOf(stretches));
  let at = 0;
  const append: AppendBytes = (part) => {
    bytes.set(part, at);
    at += part.length;
    return Promise.resolve();
  };
  await writeStretches(stretches, { file, pieces: NO_PIECES }, append, signal);
  return bytes;
}

/** Copies bytes [start, end) of `source` in bands. */
export async function copyRange(
  { start, end }: Span,
  source: ReadableBytes,
  append: AppendBytes,
  signal?: AbortSignal,
): Promise<void> {
  for (let at = start; at < end; at += BAND_BYTES) {
    await append(await source.read(at, Math.min(BAND_BYTES, end - at), signal));
  }
}

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** A field that holds an integer. */
export function integer(number: number, value: number): Stretch[] {
  return [varint(number * 8 + WIRE.varint), varint(value)];
}

export function text(number: number, value: string): Stretch[] {
  return nested(number, new TextEncoder().encode(value));
}

/** A field that holds a message or bytes. */
export function nested(number: number, ...content: readonly Stretch[]): Stretch[] {
  return [varint(number * 8 + WIRE.bytes), varint(lengthOf(content)), ...content];
}

/** Fields of the source as they stand there. */
export function copied(fields: readonly Field[]): Stretch[] {
  return fields.map(({ offset, end }) => ({ start: offset, end }));
}
