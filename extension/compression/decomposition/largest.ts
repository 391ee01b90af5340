/**
 * Sparsifiers: the part of a matrix that is kept exactly, its largest columns or its largest entries. Given the other
 * parts, no choice of as many leaves a smaller error.
 */
import type { Poll } from '../../linalg/kernels/kernels';
import type { ColumnsPart, SparsePart } from '../../shared/compression/parts';
import type { LayerMatrix } from '../methods/method';

/** Elements between two polls: some 20 ms. */
const POLLED = 2 ** 22;

/** The `count` columns of largest norm; of equals the first. Indices ascend. */
export function largestColumns({ w, outputs, inputs }: LayerMatrix, count: number, poll: Poll): ColumnsPart {
  const squares = new Float64Array(inputs);
  const pollEach = Math.max(1, Math.floor(POLLED / inputs));
  for (let row = 0, at = 0; row < outputs; row++) {
    if (row % pollEach === 0) poll(row / outputs);
    for (let i = 0; i < inputs; i++, at++) squares[i] = squares[i]! + w[at]! * w[at]!;
  }
  const order = Uint32Array.from({ length: inputs }, (_, i) => i).sort((a, b) => squares[b]! - squares[a]! || a - b);
  const indices = order.slice(0, count).sort();
  const values = new Float64Array(outputs * count);
  for (let row = 0; row < outputs; row++) {
    for (let c = 0; c < count; c++) values[row * count + c] = w[row * inputs + indices[c]!]!;
  }
  return { kind: 'columns', indices, values };
}

/** The `count` entries of largest magnitude; of equals the first. Sorted by row and column. */
export function largestEntries({ w, inputs }: LayerMatrix, count: number, poll: Poll): SparsePart {
  const part = {
    kind: 'sparse' as const,
    rows: new Uint32Array(count),
    columns: new Uint32Array(count),
    values: new Float64Array(count),
  };
  const { threshold, equals } = largestThreshold(w, count, poll);
  for (let i = 0, at = 0, left = equals; at < count; i++) {
    const magnitude = Math.abs(w[i]!);
    if (magnitude < threshold || (magnitude === threshold && left-- <= 0)) continue;
    part.rows[at] = Math.floor(i / inputs);
    part.columns[at] = i % inputs;
    part.values[at++] = w[i]!;
  }
  return part;
}

/** Values of `w` at the places that a part has. */
export function entriesAt({ w, inputs }: LayerMatrix, { rows, columns }: SparsePart): SparsePart {
  return { kind: 'sparse', rows, columns, values: Float64Array.from(rows, (row, i) => w[row * inputs + columns[i]!]!) };
}

const BUCKETS = 2 ** 15;
const SHIFT = 16;

/**
 * The magnitude of the `count`-th largest element, and how many elements of just this magnitude are among the `count`.
 * The upper 15 bits of a magnitude order it roughly: only those that share the last bucket are sorted.
 */
function largestThreshold(w: Float64Array, count: number, poll: Poll): { threshold: number; equals: number } {
  if (count === 0) return { threshold: Infinity, equals: 0 };
  const words = new Uint32Array(w.buffer, w.byteOffset, 2 * w.length);
  const upper = LITTLE_ENDIAN ? 1 : 0;
  const bucketOf = (i: number): number => (words[2 * i + upper]! & 0x7fffffff) >>> SHIFT;
  const sizes = new Uint32Array(BUCKETS);
  for (let i = 0; i < w.length; i++) {
    if (i % POLLED === 0) poll(i / w.length);
    const bucket = bucketOf(i);
    sizes[bucket] = sizes[bucket]! + 1;
  }
  let bucket = BUCKETS - 1;
  let above = 0;
  for (; above + sizes[bucket]! < count; bucket--) above += sizes[bucket]!;
  const magnitudes = new Float64Array(sizes[bucket]!);
  for (let i = 0, at = 0; at < magnitudes.length; i++) if (bucketOf(i) === bucket) magnitudes[at++] = Math.abs(w[i]!);
  magnitudes.sort();
  const threshold = magnitudes[magnitudes.length - (count - above)]!;
  const larger = magnitudes.reduce((sum, magnitude) => sum + (magnitude > threshold ? 1 : 0), 0);
  return { threshold, equals: count - above - larger };
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
