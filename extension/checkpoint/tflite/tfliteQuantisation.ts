/**
 * Quantised weights of TensorFlow Lite: which scale and zero point an element has, and its value (q − z)·s. Multiplied as
 * exact numbers and rounded once to float32, as TensorFlow Lite's own operator DEQUANTIZE does.
 *
 * @see https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
 */
import type { AffineGroups } from '../quantised/affineCodes';
import { widen } from '../elements/dtype';
import type { FileReader } from '../files/fileReader';
import type { FlatbufferReader, FlatTable } from './flatbufferReader';
import { readNumbers, type NumberList } from './tfliteNumbers';

/** The members of the union `QuantizationDetails`. */
const DETAILS = { none: 0, custom: 1, blockwise: 2 } as const;

export interface Quantisation {
  /** For people: `per channel`. */
  readonly grouping: string;
  /** Neighbouring elements that share a scale; after the last scale, the first one follows again. */
  readonly run: number;
  readonly scales: NumberList;
  /** One for all, or as many as there are scales; 0 without them. */
  readonly zeroPoints?: NumberList;
}

/** The elements of another tensor of the subgraph. @throws CheckpointError `malformed` where it has none */
export type NumbersOf = (tensor: number) => NumberList;

/**
 * @param table a `QuantizationParameters`
 * @param count elements of the tensor, at least 1
 * @returns undefined where it only tells of ranges; why it cannot be used, where it is of an unknown kind
 * @throws CheckpointError `malformed` where scales and shape contradict one another
 */
export function readQuantisation(
  reader: FlatbufferReader,
  table: FlatTable,
  shape: readonly number[],
  count: number,
  numbersOf: NumbersOf,
): Quantisation | string | undefined {
  const kind = table.uint8(4);
  if (kind === DETAILS.blockwise) {
    const details = table.reference(5);
    if (details === undefined) throw reader.malformed('is quantised in blocks of which nothing is told', table.at);
    return blockwise(reader, reader.table(details), shape, count, numbersOf);
  }
  if (kind !== DETAILS.none) {
    return kind === DETAILS.custom
      ? 'is quantised in a way that only the program knows which wrote it'
      : 'is quantised along several axes at once, of which no model is known';
  }
  const scales = list(reader, table.reference(2), 'F32', 4);
  if (!scales || scales.count === 0) return undefined;
  const zeroPoints = list(reader, table.reference(3), 'I64', 8);
  if (zeroPoints && ![0, 1, scales.count].includes(zeroPoints.count)) {
    throw reader.malformed(`has ${scales.count} scales, but ${zeroPoints.count} zero points`, table.at);
  }
  const parts = { scales, ...(zeroPoints?.count && { zeroPoints }) };
  if (scales.count === 1) return { ...parts, grouping: 'per tensor', run: count };
  // A bias may have the axis of its kernel.
  const axis = shape.length === 1 ? 0 : table.int32(6);
  if (shape[axis] !== scales.count) {
    const message = `has ${scales.count} scales along axis ${axis}, but the shape [${shape.join(', ')}]`;
    throw reader.malformed(message, table.at);
  }
  return { ...parts, grouping: 'per channel', run: shape.slice(axis + 1).reduce((run, size) => run * size, 1) };
}

function list(
  reader: FlatbufferReader,
  at: number | undefined,
  dtype: NumberList['dtype'],
  size: number,
): NumberList | undefined {
  if (at === undefined) return undefined;
  const { start, length } = reader.vector(at, size);
  return { dtype, offset: start, count: length };
}

/** Blocks are along the last axis, their scales in another tensor. */
function blockwise(
  reader: FlatbufferReader,
  details: FlatTable,
  shape: readonly number[],
  count: number,
  numbersOf: NumbersOf,
): Quantisation {
  const run = details.int32(2);
  const last = shape.at(-1) ?? 1;
  if (run <= 0 || last % run !== 0) {
    throw reader.malformed(`is quantised in blocks of ${run}, but its rows have ${last} elements`, details.at);
  }
  const scales = numbersOf(details.int32(0));
  // A field that is not stored is 0 by the schema; but tensor 0 is an input, and who leaves it out means none.
  const zeros = details.int32(1, -1);
  const zeroPoints = zeros < 0 ? undefined : numbersOf(zeros);
  const blocks = count / run;
  if (scales.count !== blocks || (zeroPoints && ![1, blocks].includes(zeroPoints.count))) {
    const zeroCount = zeroPoints ? ` and ${zeroPoints.count} zero points` : '';
    throw reader.malformed(`has ${blocks} blocks, but ${scales.count} scales${zeroCount}`, details.at);
  }
  return { grouping: `g${run}`, run, scales, ...(zeroPoints && { zeroPoints }) };
}

/**
 * Scales and zero points of a stretch of a tensor's elements.
 *
 * @param count elements of the tensor
 * @param start of the stretch, in elements
 * @param end of the stretch
 * @throws CheckpointError as `FileReader.read`
 */
export async function readGroups(
  file: FileReader,
  { run, scales, zeroPoints }: Quantisation,
  count: number,
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<AffineGroups> {
  const comeAgain = count > run * scales.count;
  const [first, last] = comeAgain ? [0, scales.count] : [Math.floor(start / run), Math.ceil(end / run)];
  const numbers = async (numberList: NumberList, from: number, to: number): Promise<Float64Array> =>
    widen(await readNumbers(file, numberList, from, to, signal), numberList.dtype);
  return {
    scales: await numbers(scales, first, last),
    zeroPoints: !zeroPoints
      ? Float64Array.of(0)
      : zeroPoints.count === 1
        ? await numbers(zeroPoints, 0, 1)
        : await numbers(zeroPoints, first, last),
    ...{ run, count: scales.count, first },
  };
}
