/**
 * Weights that are (code − zero point)·scale, with one scale and zero point for the whole tensor, for every position
 * along an axis, or for every block along it. The product is rounded once, to float32.
 *
 * @see https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html (per tensor, per axis, blocked)
 */
import { product } from '../../shared/matrixAxes';
import type { TensorInfo } from '../checkpoint';
import { contradiction, type PartReader } from './quantisedWeight';
import type { RowRange } from '../elements/rowBand';
import { decodeRows } from './rowBlocks';

/** The element of a parameter (scale, zero point) that belongs to an element of the weight. */
export interface Granularity {
  readonly axis: number;
  /** Positions along `axis` that share one; 0 where there is one for the whole tensor. */
  readonly block: number;
  /** True where positions along the other axes have their own. */
  readonly own: boolean;
}

/** Numbers of a stored tensor, for rows along its first axis or all of them. */
export type ReadNumbers = (reader: PartReader, rows?: RowRange) => Promise<Float64Array>;

export interface Parameter extends Granularity {
  readonly tensor: TensorInfo;
  /** Reads its numbers, if they are not plainly the tensor's elements. */
  readonly read?: ReadNumbers;
}

export interface LinearWeight {
  readonly shape: readonly number[];
  readonly codes: TensorInfo;
  /** Reads the codes, if they are not plainly the elements of `codes`. */
  readonly readCodes?: ReadNumbers;
  readonly scale: Parameter;
  readonly zero: Parameter | number;
}

/**
 * What the shape of a parameter says: one element; one for each position along `axis`; or the weight's shape but for
 * one axis, which has a position for every block, or one for all.
 *
 * @param block along `axis`, where blocks are declared
 * @throws CheckpointError `malformed` where the shape is none of these
 */
export function granularityOf(
  { name, shape: own }: Pick<TensorInfo, 'name' | 'shape'>,
  shape: readonly number[],
  axis: number,
  block = 0,
): Granularity {
  if (product(own) === 1) return { axis: 0, block: 0, own: false };
  const length = shape[axis];
  if (block > 0) {
    const expected = shape.map((size, i) => (i === axis ? Math.ceil(size / block) : size));
    if (length !== undefined && equal(own, expected)) return { axis, block, own: true };
  } else if (length !== undefined && own.length === 1 && own[0] === length) {
    return { axis, block: 1, own: false };
  } else if (own.length === shape.length) {
    const differing = shape.flatMap((size, i) => (own[i] === size ? [] : [i]));
    const long = own.flatMap((size, i) => (size === 1 ? [] : [i]));
    if (differing.every((i) => own[i] === 1) && long.length === 1) return { axis: long[0]!, block: 1, own: false };
    const only = differing[0] ?? shape.indexOf(1);
    if (differing.length <= 1 && own[only] === 1) return { axis: only, block: shape[only]!, own: true };
  }
  const blocks = block > 0 ? ` in blocks of ${block}` : '';
  throw contradiction(
    `${name} has the shape [${own.join(', ')}], which is none for [${shape.join(', ')}] along axis ${axis}${blocks}`,
  );
}

/** An axis that may be counted from the end. */
export function fromStart(axis: number, shape: readonly number[]): number {
  return axis < 0 ? axis + shape.length : axis;
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** For people: `per tensor`, `per axis 0`, `g32`. */
export function describeGranularity({ axis, block, own }: Granularity): string {
  if (block === 0) return 'per tensor';
  return own ? `g${block}` : `per axis ${axis}`;
}

/**
 * Rows [start, end) of the weight; a scalar has one.
 *
 * @throws CheckpointError `malformed` where scale and zero point are of different axes, `limit`
 */
export async function decodeLinear(weight: LinearWeight, rows: RowRange, reader: PartReader): Promise<Float32Array> {
  const { scale, zero } = weight;
  const shape = weight.shape.length === 0 ? [1] : weight.shape;
  const axis = axisOf(scale) ?? axisOf(zero) ?? 0;
  if ((axisOf(zero) ?? axis) !== axis) throw contradiction('scale and zero point are of different axes');
  return decodeRows(weight.codes, shape, rows, async ({ first, target }) => {
    const codes = await (weight.readCodes?.(reader, first) ?? reader.numbers(weight.codes, first));
    const scales = await bandOf(scale, shape, axis, first, reader);
    const zeros = await bandOf(zero, shape, axis, first, reader);
    const from = axis === 0 ? first.start : 0;
    const to = axis === 0 ? first.end : shape[axis]!;
    const inner = product(shape.slice(axis + 1));
    const outer = target.length === 0 ? 0 : target.length / ((to - from) * inner);
    for (let o = 0, at = 0; o < outer; o++) {
      for (let a = from; a < to; a++) {
        const s = placeOf(scales, o, a);
        const z = placeOf(zeros, o, a);
        for (let i = 0; i < inner; i++, at++) {
          target[at] = (codes[at]! - zeros.numbers[z + i * zeros.step]!) * scales.numbers[s + i * scales.step]!;
        }
      }
    }
  });
}

/** Along which a parameter changes, if it does. */
function axisOf(parameter: Parameter | number): number | undefined {
  return typeof parameter === 'number' || parameter.block === 0 ? undefined : parameter.axis;
}

/** A parameter's numbers for a band of rows, and how they lie. */
interface Band {
  readonly numbers: Float64Array;
  /** Positions along the axis that share a number. */
  readonly block: number;
  /** Blocks before the band's first number. */
  readonly skip: number;
  /** From one number to the next: along the axes before, along the axis, along those behind it. */
  readonly outer: number;
  readonly along: number;
  readonly step: number;
}

function placeOf({ block, skip, outer, along }: Band, o: number, a: number): number {
  return o * outer + (Math.floor(a / block) - skip) * along;
}

async function bandOf(
  parameter: Parameter | number,
  shape: readonly number[],
  axis: number,
  first: RowRange,
  reader: PartReader,
): Promise<Band> {
  const one = { block: 1, skip: 0, outer: 0, along: 0, step: 0 };
  if (typeof parameter === 'number') return { ...one, numbers: Float64Array.of(parameter) };
  const { block, own, tensor } = parameter;
  const read = parameter.read ?? ((_, rows) => reader.numbers(tensor, rows));
  if (block === 0) return { ...one, numbers: await read(reader) };
  if (!own) return { ...one, numbers: await read(reader), block, along: 1 };
  const blocks = { start: Math.floor(first.start / block), end: Math.ceil(first.end / block) };
  const inner = product(shape.slice(axis + 1));
  return {
    numbers: await read(reader, axis === 0 ? blocks : first),
    block,
    skip: axis === 0 ? blocks.start : 0,
    outer: Math.ceil(shape[axis]! / block) * inner,
    along: inner,
    step: 1,
  };
}
