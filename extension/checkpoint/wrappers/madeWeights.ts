/**
 * Tensors that are not stored, but are what stored ones stand for: products of two factors, and whatever else is computed
 * from several. Each is listed behind the last of its parts, and read by computing.
 */
import type { Problem } from '../../shared/tensors';
import { product } from '../../shared/matrixAxes';
import type { Checkpoint, Factor, TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { elementSize, widen } from '../elements/dtype';
import { bandBytes, type RowRange } from '../elements/rowBand';
import { elementCount } from '../elements/shape';
import { wrapCheckpoint } from '../wrappedCheckpoint';
import { readProduct } from './factorProduct';

/** Reads a stored tensor: some rows along its first axis, all of them without. */
export interface ReadPart {
  /** Elements in float64. */
  (tensor: TensorInfo, rows?: RowRange): Promise<Float64Array>;
  /** Elements as they are stored. */
  bytes(tensor: TensorInfo, rows?: RowRange): Promise<Uint8Array>;
}

/** A tensor that is made of stored ones. */
export interface MadeWeight {
  readonly info: TensorInfo;
  /** Elements of rows [start, end) along the first axis; absent for a product of two factors. */
  readonly rows?: (range: RowRange, read: ReadPart, signal?: AbortSignal) => Promise<Float64Array>;
  /** Its parts are stored forms of this weight alone, and have no spectrum of their own. */
  readonly hidesParts: boolean;
}

export interface Made {
  readonly name: string;
  readonly group: string;
  readonly shape: readonly number[];
  /** How it is stored, for the table: `A·B r=8`. */
  readonly encoding: string;
  readonly kernelLayout?: TensorInfo['kernelLayout'];
  readonly inputsFirst?: true;
  readonly usedAs?: TensorInfo['usedAs'];
}

/** @throws RangeError for a shape that is none: callers look first (`elementCount`) */
export function madeInfo(made: Made, of: Pick<TensorInfo, 'product' | 'madeOf'>): TensorInfo {
  const { name, group, shape, encoding, kernelLayout = 'OI…', inputsFirst, usedAs } = made;
  const count = elementCount(shape);
  if (typeof count === 'string') throw new RangeError(`${name} ${count}`);
  return {
    ...{ name, group, shape, dtype: 'F32', byteLength: 4 * count, kernelLayout },
    encoding: { name: encoding, byteLength: 0 },
    ...(inputsFirst && { inputsFirst }),
    ...(usedAs ? { usedAs } : shape.length > 2 && { usedAs: 'kernel' as const }),
    ...of,
  };
}

export function productOf(left: Factor, right: Factor, rank: number, scale = 1): Pick<TensorInfo, 'product'> {
  return { product: { left, right, rank, scale } };
}

/** Stored tensors that it is computed from. */
export function partsOf({ product: factors, madeOf = [] }: TensorInfo): readonly TensorInfo[] {
  return factors ? [factors.left.tensor, factors.right.tensor] : madeOf;
}

/** Bytes that reading a band takes at most beside its own: the parts in float64. */
export function madeOverhead(parts: readonly TensorInfo[]): number {
  return parts.reduce((sum, { byteLength, dtype }) => sum + byteLength + (8 * byteLength) / elementSize(dtype), 0);
}

export interface Additions {
  readonly weights: readonly MadeWeight[];
  readonly problems: readonly Problem[];
  /** Files that the weights depend on. */
  readonly files?: readonly string[];
}

export function withMadeWeights(stored: Checkpoint, { weights, problems, files = [] }: Additions): Checkpoint {
  const places = new Map(stored.tensors.map(({ name }, index) => [name, index]));
  const lastPart = ({ info }: MadeWeight): number =>
    partsOf(info).reduce((last, { name }) => Math.max(last, places.get(name)!), 0);
  const after = new Map<number, TensorInfo[]>();
  const partOf = new Map<string, string>();
  for (const weight of weights) {
    const at = lastPart(weight);
    after.set(at, [...(after.get(at) ?? []), weight.info]);
    for (const { name } of weight.hidesParts ? partsOf(weight.info) : []) {
      if (!partOf.has(name)) partOf.set(name, weight.info.name);
    }
  }
  const byName = new Map(weights.map((weight) => [weight.info.name, weight]));
  return wrapCheckpoint(stored, {
    files: [...stored.files, ...files],
    problems: [...stored.problems, ...problems],
    tensors: stored.tensors.flatMap((tensor, index) => {
      const whole = partOf.get(tensor.name);
      return [whole === undefined ? tensor : { ...tensor, partOf: whole }, ...(after.get(index) ?? [])];
    }),
    async read(tensor, rows, signal) {
      const made = byName.get(tensor.name);
      if (!made) return stored.read(tensor, rows, signal);
      signal?.throwIfAborted();
      bandBytes(made.info, rows);
      return readMade(stored, made, rows ?? { start: 0, end: made.info.shape[0]! }, signal);
    },
    storedParts: (tensor) => (byName.has(tensor.name) ? undefined : stored.storedParts?.(tensor)),
    storedBytes: (tensor) => (byName.has(tensor.name) ? undefined : stored.storedBytes?.(tensor)),
  });
}

async function readMade(
  stored: Checkpoint,
  { info, rows }: MadeWeight,
  range: RowRange,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { product: factors } = info;
  if (factors) return readProduct(stored, { ...info, product: factors }, range, signal);
  const bytes: ReadPart['bytes'] = (tensor, band) => stored.read(tensor, band, signal);
  const numbers = async (tensor: TensorInfo, band?: RowRange): Promise<Float64Array> =>
    widen(await bytes(tensor, band), tensor.dtype);
  const read: ReadPart = Object.assign(numbers, { bytes });
  let elements: Float64Array;
  try {
    elements = await rows!(range, read, signal);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(error.code, error.reason, { file: stored.path, tensor: info.name, ...error.where });
  }
  if (elements.length !== (range.end - range.start) * product(info.shape.slice(1))) {
    throw new RangeError(`${elements.length} elements made for rows ${range.start} to ${range.end} of ${info.name}`);
  }
  return new Uint8Array(Float32Array.from(elements).buffer);
}
