/**
 * Variables that a TensorFlow checkpoint holds in several slices, as partitioners and parameter servers make them: the
 * keys that slices are stored under, and how slices become one tensor again.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/saved_tensor_slice_util.cc
 */
import { TiledRows } from '../elements/tiledRows';
import { tilingProblem } from '../elements/chunkTiling';
import type { RowSource } from '../elements/rowSource';
import { MAX_RANK } from '../elements/shape';

/** Keys of slices begin with the number 0, that of whole tensors with the name. */
const SLICE_KEY = 0x00;

/** Inside a name in a slice's key: the bytes 0 and 255 are written as two, and it ends with 0 1. */
const ESCAPED = { zero: 0xff, highest: 0x00, end: 0x01 } as const;

/** Stands for the length of a slice that is as long as its tensor. */
const WHOLE_AXIS = -1;

/** More than any machine has: no tensor was cut into so many. */
export const MAX_SLICES = 10_000;

export interface SliceKey {
  /** Name of the tensor that it is a slice of. */
  readonly name: string;
  /** Along each axis; no length where it is as long as the tensor. */
  readonly extents: readonly { readonly start: number; readonly length?: number }[];
}

/** True for keys of slices; `readSliceKey` may still find them wrong. */
export function isSliceKey(key: Uint8Array): boolean {
  return key[0] === SLICE_KEY;
}

/** What an ordered code says; undefined where it is none. */
export function readSliceKey(key: Uint8Array): SliceKey | undefined {
  const name: number[] = [];
  let at = 1;
  for (;;) {
    const byte = key[at++];
    if (byte === undefined) return undefined;
    if (byte !== 0x00 && byte !== 0xff) {
      name.push(byte);
      continue;
    }
    const second = key[at++];
    if (byte === 0x00 && second === ESCAPED.end) break;
    if (second !== (byte === 0x00 ? ESCAPED.zero : ESCAPED.highest)) return undefined;
    name.push(byte);
  }
  const rankBytes = key[at++];
  if (rankBytes !== 0 && rankBytes !== 1) return undefined;
  const rank = rankBytes === 0 ? 0 : key[at++];
  if (rank === undefined || rank > MAX_RANK) return undefined;
  const extents: { start: number; length?: number }[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const start = signedNumber(key, at);
    const length = start && signedNumber(key, start.end);
    if (!start || !length || start.value < 0 || length.value < WHOLE_AXIS) return undefined;
    extents.push({ start: start.value, ...(length.value !== WHOLE_AXIS && { length: length.value }) });
    at = length.end;
  }
  return at === key.length ? { name: Buffer.from(name).toString('utf8'), extents } : undefined;
}

/**
 * A number whose first bits, as many as they are alike, say how many bytes it has; seven bits of each byte are its own,
 * but one less in all. Ones stand before what is not negative.
 */
function signedNumber(key: Uint8Array, at: number): { value: number; end: number } | undefined {
  const first = key[at];
  if (first === undefined) return undefined;
  const negative = first < 0x80;
  const flip = negative ? 0xff : 0x00;
  const ones = Math.clz32(~(((first ^ flip) << 24) | 0xffffff));
  // No axis has 2⁴⁸ entries, so the prefix fits into the first byte.
  if (ones === 0 || ones > 7 || at + ones > key.length) return undefined;
  let value = (first ^ flip) & (0x7f >> ones);
  for (let i = 1; i < ones; i++) value = value * 256 + (key[at + i]! ^ flip);
  return { value: negative ? -1 - value : value, end: at + ones };
}

/** A slice of a tensor, and where its elements come from. */
export interface Slice {
  readonly extents: SliceKey['extents'];
  readonly shape: readonly number[];
  readonly source: RowSource;
}

/**
 * The rows of a tensor that its slices make up, or a sentence that says why they do not.
 *
 * @param elementBytes bytes of one element
 */
export function joinSlices(
  shape: readonly number[],
  slices: readonly Slice[],
  elementBytes: number,
  file: string,
): RowSource | string {
  for (const { extents, shape: own } of slices) {
    if (extents.length !== shape.length) return 'one of its slices has another number of axes';
    const wanted = extents.map(({ start, length }, axis) => length ?? shape[axis]! - start);
    if (own.join() !== wanted.join()) {
      return `one of its slices holds [${own.join(', ')}], which is not the shape of its key`;
    }
  }
  const chunks = slices.map(({ extents, shape: sizes, source }) => {
    return { offsets: extents.map(({ start }) => start), sizes, source };
  });
  return tilingProblem(shape, chunks) ?? new TiledRows(shape, elementBytes, chunks, file);
}
