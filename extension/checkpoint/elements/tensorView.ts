/**
 * Strided views on a run of stored elements: which bytes a band of rows needs, and how they become contiguous,
 * row-major, little-endian elements. Memory held is the result and one window of the storage.
 */
import type { DType } from '../../shared/tensors';
import { elementSize } from './dtype';
import { elementCount, contiguousStrides } from './shape';

/** At most this much of the storage of a view that is not contiguous is held at a time. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/**
 * An expanded view repeats stored elements: 600 bytes can ask for minutes of honest work. Masks and tables of positions are
 * smaller; a weight repeats nothing.
 */
export const MAX_EXPANDED_BYTES = 16 * 1024 * 1024;

export interface TensorView {
  readonly dtype: DType;
  /** Offset of the first element, in bytes from the start of the storage. */
  readonly byteOffset: number;
  readonly shape: readonly number[];
  /** In elements; none is negative. */
  readonly strides: readonly number[];
  readonly bigEndian: boolean;
}

/** Bytes [start, end) of the storage that the view is on. */
export type ReadStorage = (start: number, end: number) => Promise<Uint8Array<ArrayBuffer>>;

/** Bytes of the contiguous tensor; undefined where the shape is too large to exist. */
export function viewBytes(view: TensorView): number | undefined {
  const count = elementCount(view.shape);
  return typeof count === 'number' ? count * elementSize(view.dtype) : undefined;
}

/** Why the view cannot be on a storage of `storedBytes`; undefined where it can. */
export function viewProblem(
  view: TensorView,
  storedBytes: number,
): { code: 'malformed' | 'limit' | 'truncated'; reason: string } | undefined {
  const count = elementCount(view.shape);
  if (typeof count !== 'number') return { code: 'malformed', reason: count };
  if (count === 0) return undefined;
  const bytes = count * elementSize(view.dtype);
  const shape = (): string => `[${view.shape.join(', ')}]`;
  const end = view.byteOffset + spanOf(view.shape, view.strides) * elementSize(view.dtype);
  if (end > storedBytes) {
    return {
      code: 'truncated',
      reason: `has the shape ${shape()}, which needs ${end} bytes of a storage that holds ${storedBytes}`,
    };
  }
  if (bytes > Math.max(storedBytes, MAX_EXPANDED_BYTES)) {
    const reason = `has the shape ${shape()}, which repeats ${storedBytes} stored bytes to ${bytes}; at most ${MAX_EXPANDED_BYTES}`;
    return { code: 'limit', reason: `${reason} are made of so few: save a contiguous copy to see it` };
  }
  return undefined;
}

/** Elements from the first to the last that a view touches, both included; the view is not empty. */
function spanOf(shape: readonly number[], strides: readonly number[]): number {
  return shape.reduce((span, size, axis) => span + (size - 1) * strides[axis]!, 1);
}

/** Rows [start, end) along the first axis; a scalar has one row. */
export async function readView(
  view: TensorView,
  rows: { start: number; end: number },
  read: ReadStorage,
): Promise<Uint8Array> {
  const { dtype, strides } = view;
  const size = elementSize(dtype);
  const shape = view.shape.length === 0 ? [] : [rows.end - rows.start, ...view.shape.slice(1)];
  const byteOffset = view.byteOffset + (strides.length === 0 ? 0 : rows.start * strides[0]! * size);
  const count = shape.reduce((product, length) => product * length, rows.end > rows.start ? 1 : 0);
  if (count === 0) return new Uint8Array(0);
  const axes = gatherAxes(shape, strides);
  const result =
    axes.length === 0 || (axes.length === 1 && axes[0]!.from === 1)
      ? await read(byteOffset, byteOffset + count * size)
      : await gather(axes, byteOffset, count, size, read);
  if (view.bigEndian) swapBytes(result, dtype.startsWith('C') ? size / 2 : size);
  return result;
}

/** One loop of a copy: `length` elements, `from` apart in the storage, `to` apart in the result. */
interface Axis {
  length: number;
  readonly from: number;
  readonly to: number;
}

/** Loops in the order of the storage, outermost first; axes that run on into each other are one. */
function gatherAxes(shape: readonly number[], strides: readonly number[]): Axis[] {
  const targets = contiguousStrides(shape);
  const axes = shape
    .map((length, i): Axis => ({ length, from: strides[i]!, to: targets[i]! }))
    .filter((axis) => axis.length > 1)
    .sort((a, b) => b.from - a.from || b.to - a.to);
  const merged: Axis[] = [];
  for (const axis of axes) {
    const outer = merged.at(-1);
    if (outer && outer.from === axis.from * axis.length && outer.to === axis.to * axis.length) {
      merged[merged.length - 1] = { length: outer.length * axis.length, from: axis.from, to: axis.to };
    } else merged.push(axis);
  }
  return merged;
}

async function gather(
  axes: readonly Axis[],
  byteOffset: number,
  count: number,
  size: number,
  read: ReadStorage,
): Promise<Uint8Array> {
  const target = new Uint8Array(count * size);
  const spans = axes.map(
    (_, level) => 1 + axes.slice(level).reduce((sum, axis) => sum + (axis.length - 1) * axis.from, 0),
  );

  const visit = async (level: number, from: number, to: number): Promise<void> => {
    const axis = axes[level];
    const inner = spans[level + 1] ?? 1;
    // As many steps of this axis as fit into a window are read at once; a step that does not fit is split further.
    const room = Math.floor(WINDOW_BYTES / size) - inner;
    if (axis && room < 0) {
      for (let i = 0; i < axis.length; i++) await visit(level + 1, from + i * axis.from, to + i * axis.to);
      return;
    }
    const length = axis?.length ?? 1;
    const step = axis === undefined || axis.from === 0 ? length : Math.floor(room / axis.from) + 1;
    for (let start = 0; start < length; start += step) {
      const taken = Math.min(step, length - start);
      const begin = from + start * (axis?.from ?? 0);
      const elements = inner + (taken - 1) * (axis?.from ?? 0);
      const window = await read(byteOffset + begin * size, byteOffset + (begin + elements) * size);
      const loops = axis ? [{ ...axis, length: taken }, ...axes.slice(level + 1)] : [];
      scatter(window, target, loops, to + start * (axis?.to ?? 0), size);
    }
  };
  await visit(0, 0, 0);
  return target;
}

/** Copies a window's elements to their places in `target`, `to` elements from its start. */
function scatter(
  window: Uint8Array<ArrayBuffer>,
  target: Uint8Array<ArrayBuffer>,
  axes: readonly Axis[],
  to: number,
  size: number,
): void {
  // Integers, so that no NaN changes its bits; elements of 8 and 16 bytes are several lanes.
  const Lanes = size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array;
  const lanes = Math.max(1, size / 4);
  const aligned = window.byteOffset % Lanes.BYTES_PER_ELEMENT === 0 ? window : window.slice();
  const source = new Lanes(aligned.buffer, aligned.byteOffset, aligned.length / Lanes.BYTES_PER_ELEMENT);
  const result = new Lanes(target.buffer, target.byteOffset, target.length / Lanes.BYTES_PER_ELEMENT);

  const copy = (level: number, from: number, at: number): void => {
    const axis = axes[level];
    if (!axis) {
      for (let lane = 0; lane < lanes; lane++) result[at * lanes + lane] = source[from * lanes + lane]!;
      return;
    }
    const { length } = axis;
    if (level === axes.length - 1 && lanes === 1) {
      for (let i = 0; i < length; i++) result[at + i * axis.to] = source[from + i * axis.from]!;
    } else {
      for (let i = 0; i < length; i++) copy(level + 1, from + i * axis.from, at + i * axis.to);
    }
  };
  copy(0, 0, to);
}

/** Turns round the bytes of each number, in place. @param size of a number, 1 to 8 */
export function swapBytes(bytes: Uint8Array, size: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (size === 2) buffer.swap16();
  else if (size === 4) buffer.swap32();
  else if (size === 8) buffer.swap64();
}
