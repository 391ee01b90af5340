/**
 * Weights in parts, as `eigenscope.parts` in the metadata says how to add them up (`shared/compression/parts.ts`). A weight
 * whose manifest or tensors do not fit stays in its parts, and a problem says why.
 */
import { PARTS_KEY, type PartEntry, type PartsWeight } from '../../shared/compression/parts';
import type { TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import type { RowRange } from '../elements/rowBand';
import { elementCount } from '../elements/shape';
import { isObject } from '../files/jsonFile';
import { madeInfo, productOf, type MadeWeight, type ReadPart } from '../wrappers/madeWeights';
import { DECODERS } from './decoders';
import { PartError, PartFields, type AddRows, type PartSize } from './partReader';

/** Characters of a value that messages show. */
const SHOWN = 100;

/** A weight has a handful. */
const MAX_PARTS = 64;

/** A weight that is stored the other way round is decoded whole for any band of it: up to this size it is kept for the next. */
const KEPT_BYTES = 256 * 1024 * 1024;

export function hasManifest(metadata: Readonly<Record<string, string>>): boolean {
  return Object.hasOwn(metadata, PARTS_KEY);
}

export function manifestWeights(
  tensors: readonly TensorInfo[],
  metadata: Readonly<Record<string, string>>,
  refuse: (tensor: string | undefined, message: string) => void,
): MadeWeight[] {
  const weights = parsedWeights(metadata[PARTS_KEY]);
  if (typeof weights === 'string') {
    refuse(undefined, `its metadata ${PARTS_KEY} ${weights}, so its weights are shown in parts`);
    return [];
  }
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return Object.entries(weights).flatMap(([name, weight]) => {
    try {
      return [madeWeight(name, weight, byName)];
    } catch (error) {
      if (!(error instanceof PartError)) throw error;
      refuse(name, `is in parts, but ${error.message}: its parts are shown instead`);
      return [];
    }
  });
}

/** @returns what is wrong, in words */
function parsedWeights(text: string | undefined): Record<string, unknown> | string {
  let manifest: unknown;
  try {
    manifest = JSON.parse(text ?? '');
  } catch {
    return 'is no JSON';
  }
  if (!isObject(manifest)) return 'is no object';
  if (manifest.version !== 1) return `is of the version ${shown(manifest.version)}, and 1 is read`;
  return isObject(manifest.weights) ? manifest.weights : 'has no weights';
}

/** A value of the manifest, for messages. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? 'nothing' : text.slice(0, SHOWN);
}

/** @throws PartError */
function madeWeight(name: string, value: unknown, byName: ReadonlyMap<string, TensorInfo>): MadeWeight {
  const { shape, transposed, parts } = checkedWeight(value);
  if (byName.has(name)) throw new PartError('there is a tensor of its name beside them');
  const find = (part: string): TensorInfo | undefined => byName.get(part);
  const { size, adders, of } = fitted(shape, transposed, parts, find);
  const group = of[0]!.group;
  const encoding = parts.map(({ kind }) => kind).join(' + ');
  const kernelLayout = transposed ? ('…IO' as const) : ('OI…' as const);
  const made = { name, group, shape, encoding, ...(shape.length > 2 && { kernelLayout }) };
  const [only] = parts;
  if (parts.length === 1 && only!.kind === 'product' && !transposed && size.outputs === shape[0]) {
    const [left, right] = of as [TensorInfo, TensorInfo];
    const rank = left.shape[1]!;
    const factors = productOf({ tensor: left, transposed: false }, { tensor: right, transposed: false }, rank);
    return { info: madeInfo({ ...made, encoding: `A·B r=${rank}` }, factors), hidesParts: true };
  }
  const info = madeInfo(made, { madeOf: of });
  return { info, rows: rowsOf(info, size, adders, transposed), hidesParts: true };
}

/** @throws PartError */
function checkedWeight(value: unknown): PartsWeight {
  if (!isObject(value)) throw new PartError('its manifest is no object');
  const { shape, transposed, parts } = value;
  const count = elementCount(shape);
  if (typeof count === 'string') throw new PartError(`its manifest ${count}`);
  if (count === 0 || (shape as number[]).length < 2)
    throw new PartError(`its manifest has the shape ${JSON.stringify(shape)}, which is no matrix's`);
  if (typeof transposed !== 'boolean') throw new PartError('its manifest does not say whether it is transposed');
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > MAX_PARTS)
    throw new PartError('its manifest has no list of parts');
  for (const part of parts as unknown[]) {
    if (!isObject(part) || !isObject(part.tensors) || !isObject(part.values))
      throw new PartError('its manifest has a part that is none');
    if (typeof part.kind !== 'string' || !Object.hasOwn(DECODERS, part.kind)) {
      throw new PartError(`its manifest has a part of the kind ${shown(part.kind)}, which is not known`);
    }
  }
  return value as unknown as PartsWeight;
}

interface Fitted {
  readonly size: PartSize;
  readonly adders: readonly AddRows[];
  readonly of: readonly TensorInfo[];
}

/**
 * The sides of the matrix: the manifest has the shape of the tensor, and the parts tell which of its axes are outputs.
 *
 * @throws PartError for the most likely sides, if none fit
 */
function fitted(
  shape: readonly number[],
  transposed: boolean,
  parts: readonly PartEntry[],
  find: (name: string) => TensorInfo | undefined,
): Fitted {
  const splits = Array.from({ length: shape.length - 1 }, (_, axis) => axis + 1);
  if (transposed) splits.reverse();
  let first: PartError | undefined;
  for (const split of splits) {
    const [before, behind] = [shape.slice(0, split), shape.slice(split)].map((sizes) =>
      sizes.reduce((a, b) => a * b, 1),
    );
    const size = transposed ? { outputs: behind!, inputs: before! } : { outputs: before!, inputs: behind! };
    try {
      const fields = parts.map((part) => ({ kind: part.kind, own: new PartFields(part, find) }));
      const adders = fields.map(({ kind, own }, index) => decoderOf(kind, own, size, index));
      return { size, adders, of: [...new Set(fields.flatMap(({ own }) => own.used))] };
    } catch (error) {
      if (!(error instanceof PartError)) throw error;
      first ??= error;
    }
  }
  throw first!;
}

function decoderOf(kind: PartEntry['kind'], fields: PartFields, size: PartSize, index: number): AddRows {
  try {
    return DECODERS[kind](fields, size);
  } catch (error) {
    if (!(error instanceof PartError)) throw error;
    throw new PartError(`part ${index} (${kind}) ${error.message}`);
  }
}

function rowsOf(
  { name, shape }: TensorInfo,
  { outputs, inputs }: PartSize,
  adders: readonly AddRows[],
  transposed: boolean,
): MadeWeight['rows'] {
  const decoded = async (range: RowRange, read: ReadPart, signal?: AbortSignal): Promise<Float64Array> => {
    const sum = new Float64Array((range.end - range.start) * inputs);
    for (const add of adders) {
      signal?.throwIfAborted();
      try {
        await add(sum, range, read);
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        throw new CheckpointError('malformed', `a part of it ${error.message}`, { tensor: name });
      }
    }
    return sum;
  };
  // Positions along the first axis of the tensor are one row or several.
  const each = (transposed ? inputs : outputs) / shape[0]!;
  const banded = (range: RowRange): RowRange => ({ start: range.start * each, end: range.end * each });
  if (!transposed) return (range, read, signal) => decoded(banded(range), read, signal);
  let kept: Float32Array | undefined;
  return async (range, read, signal) => {
    const { start, end } = banded(range);
    const whole = kept ?? (await decoded({ start: 0, end: outputs }, read, signal));
    if (4 * outputs * inputs <= KEPT_BYTES) kept ??= Float32Array.from(whole);
    return turnedRows(whole, inputs, outputs, start, end);
  };
}

/** Rows [start, end) of the transpose of a matrix with `inputs` columns. */
function turnedRows(
  whole: ArrayLike<number>,
  inputs: number,
  outputs: number,
  start: number,
  end: number,
): Float64Array {
  const rows = new Float64Array((end - start) * outputs);
  for (let i = start, at = 0; i < end; i++) {
    for (let o = 0; o < outputs; o++, at++) rows[at] = whole[o * inputs + i]!;
  }
  return rows;
}
