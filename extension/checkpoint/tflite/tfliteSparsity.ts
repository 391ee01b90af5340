/**
 * Sparse weights of TensorFlow Lite, stored as TACO does: a tree of levels, one for each axis (and for each axis of the
 * blocks, where whole blocks are stored or left out), dense or with the indices that are there.
 *
 * @see http://tensor-compiler.org/kjolstad-oopsla17-tensor-compiler.pdf
 */
import { product } from '../../shared/matrixAxes';
import type { DType } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { elementSize } from '../elements/dtype';
import { allocate, type FileReader } from '../files/fileReader';
import type { FlatbufferReader, FlatTable } from './flatbufferReader';
import { readNumbers, type NumberList } from './tfliteNumbers';

/**
 * Entries of all levels together. Indices and elements are held while they are put in place, at most 16 bytes for each
 * of these: published sparse models have a few million.
 */
const MAX_ENTRIES = 2 ** 23;

/** Elements that are not stored are made up; beyond this it is a trap and no weight. */
const MAX_DENSE_BYTES = 1024 * 1024 * 1024;

/** The axes of a tensor and those of its blocks; the schema's examples have four. */
const MAX_LEVELS = 16;

/** The kinds of levels. */
const [DENSE, SPARSE] = [0, 1];

/** By the type of a `SparseIndexVector`. */
const INDEX_TYPES: readonly (DType | undefined)[] = [undefined, 'I32', 'U16', 'U8'];

interface Level {
  readonly size: number;
  /** Elements between one index and the next, in the dense tensor. */
  readonly stride: number;
  /** The entries of `indices` below each entry of the level above; without it all indices are there. */
  readonly sparse?: { readonly segments: NumberList; readonly indices: NumberList };
}

export interface Sparsity {
  /** The outermost first. */
  readonly levels: readonly Level[];
  /** Elements that are stored, in the order of the tree. */
  readonly stored: number;
}

/**
 * @param table a `SparsityParameters`
 * @param shape of the dense tensor, without a 0
 * @param elementBytes of one element
 * @returns why it cannot be used, where it is larger than it may be
 * @throws CheckpointError `malformed` where levels and shape contradict one another
 */
export function readSparsity(
  reader: FlatbufferReader,
  table: FlatTable,
  shape: readonly number[],
  elementBytes: number,
): Sparsity | string {
  const dense = product(shape) * elementBytes;
  if (dense > MAX_DENSE_BYTES) return `is sparse and of ${dense} bytes; at most ${MAX_DENSE_BYTES} are made of few`;
  const [orderAt, mapAt, metadataAt] = [table.reference(0), table.reference(1), table.reference(2)];
  if (orderAt === undefined || metadataAt === undefined) throw reader.malformed('is sparse without levels', table.at);
  const order = reader.int32s(orderAt, MAX_LEVELS);
  const blockMap = mapAt === undefined ? [] : reader.int32s(mapAt, MAX_LEVELS);
  const metadata = reader.vector(metadataAt, 4);
  const axes = shape.length + blockMap.length;
  const isOrder = order.length === axes && new Set(order).size === axes && order.every((k) => k >= 0 && k < axes);
  if (!isOrder || metadata.length !== axes || blockMap.some((axis) => shape[axis] === undefined)) {
    const message = `is sparse with the levels [${order.join(', ')}] and blocks along [${blockMap.join(', ')}]`;
    throw reader.malformed(`${message}, which do not fit its shape [${shape.join(', ')}]`, table.at);
  }
  const tables: FlatTable[] = [];
  for (let k = 0; k < axes; k++) tables.push(reader.element(metadata, k));
  const blockSizes = blockMap.map((_, block) => tables[order.indexOf(shape.length + block)]!.int32(1));
  const dimensions = axesOf(shape, blockMap, blockSizes);
  const levels: Level[] = [];
  let [entries, all] = [1, 0];
  for (const [k, axis] of order.entries()) {
    const level = readLevel(reader, tables[k]!, dimensions[axis]!);
    if (level.sparse && level.sparse.segments.count !== entries + 1) {
      const message = `has a sparse level of ${level.sparse.segments.count} segments below ${entries} entries`;
      throw reader.malformed(message, tables[k]!.at);
    }
    entries = level.sparse ? level.sparse.indices.count : entries * level.size;
    all += entries;
    if (all > MAX_ENTRIES)
      return `is sparse and has ${all} entries in its levels; more than ${MAX_ENTRIES} are not read`;
    levels.push(level);
  }
  return { levels, stored: entries };
}

/** Size and stride of each axis, then of each block's. A block splits an axis into blocks and places within one. */
function axesOf(
  shape: readonly number[],
  blockMap: readonly number[],
  blockSizes: readonly number[],
): { size: number; stride: number }[] {
  const axes = shape.map((size, axis) => ({ size, stride: shape.slice(axis + 1).reduce((a, b) => a * b, 1) }));
  const blocks = blockMap.map((_, block) => ({ size: blockSizes[block]!, stride: 0 }));
  for (let block = blockMap.length - 1; block >= 0; block--) {
    const axis = axes[blockMap[block]!]!;
    const { size } = blocks[block]!;
    blocks[block]!.stride = axis.stride;
    axis.stride *= size;
    axis.size /= size;
  }
  return [...axes, ...blocks];
}

function readLevel(
  reader: FlatbufferReader,
  table: FlatTable,
  { size, stride }: { size: number; stride: number },
): Level {
  if (!Number.isInteger(size) || size < 1) {
    throw reader.malformed('is sparse in blocks that do not divide its shape', table.at);
  }
  const format = table.int8(0);
  if (format === DENSE) {
    if (table.int32(1) !== size) {
      throw reader.malformed(`has a level of ${table.int32(1)} entries where ${size} belong`, table.at);
    }
    return { size, stride };
  }
  if (format !== SPARSE) throw reader.malformed(`has a level of the unknown kind ${format}`, table.at);
  const segments = indexList(reader, table, 2);
  const indices = indexList(reader, table, 4);
  return { size, stride, sparse: { segments, indices } };
}

/** Reads the union whose type is field `field` and whose table is the one after it. */
function indexList(reader: FlatbufferReader, table: FlatTable, field: number): NumberList {
  const dtype = INDEX_TYPES[table.uint8(field)];
  const at = table.reference(field + 1);
  if (!dtype || at === undefined) throw reader.malformed('has a sparse level without indices', table.at);
  const values = reader.table(at).reference(0);
  if (values === undefined) return { dtype, offset: 0, count: 0 };
  const { start, length } = reader.vector(values, elementSize(dtype));
  return { dtype, offset: start, count: length };
}

type Cells = Uint8Array | Uint16Array | Uint32Array | BigUint64Array;

/**
 * A stretch of the dense tensor's elements, 0 where none is stored.
 *
 * @param values where the stored elements lie; of at most 8 bytes each
 * @param start number of the first element
 * @param count of elements
 * @throws CheckpointError `malformed` where indices are outside their axis, what `FileReader.read` throws
 */
export async function readSparse(
  file: FileReader,
  { levels }: Sparsity,
  values: NumberList,
  start: number,
  count: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const size = elementSize(values.dtype);
  const dense = allocate(count * size, file.path, values.offset);
  const cells = cellsOf(dense, size);
  const stored = cellsOf(await readNumbers(file, values, 0, values.count, signal), size);
  const trees: { segments: ArrayLike<number>; indices: ArrayLike<number> }[] = [];
  for (const { sparse } of levels) {
    if (!sparse) {
      trees.push({ segments: [], indices: [] });
      continue;
    }
    const segments = await indices(file, sparse.segments, signal);
    assertAscending(segments, sparse.indices.count, file.path);
    trees.push({ segments, indices: await indices(file, sparse.indices, signal) });
  }
  const visit = (depth: number, entry: number, position: number): void => {
    const level = levels[depth];
    if (!level) {
      const at = position - start;
      if (at >= 0 && at < count) cells[at] = stored[entry]!;
      return;
    }
    const { size: length, stride, sparse } = level;
    if (!sparse) {
      for (let i = 0; i < length; i++) visit(depth + 1, entry * length + i, position + i * stride);
      return;
    }
    const tree = trees[depth]!;
    for (let i = tree.segments[entry]!; i < tree.segments[entry + 1]!; i++) {
      const index = tree.indices[i]!;
      if (index < 0 || index >= length) {
        const message = `has the index ${index} along an axis of ${length}`;
        throw new CheckpointError('malformed', message, { file: file.path, offset: sparse.indices.offset });
      }
      visit(depth + 1, i, position + index * stride);
    }
  };
  visit(0, 0, 0);
  return dense;
}

async function indices(file: FileReader, list: NumberList, signal?: AbortSignal): Promise<ArrayLike<number>> {
  const { buffer } = await readNumbers(file, list, 0, list.count, signal);
  switch (list.dtype) {
    case 'U8':
      return new Uint8Array(buffer);
    case 'U16':
      return new Uint16Array(buffer);
    default:
      return new Int32Array(buffer);
  }
}

/** No entry is below two others: the walk visits as many as are stored. @throws CheckpointError `malformed` */
function assertAscending(segments: ArrayLike<number>, end: number, file: string): void {
  for (let i = 0, before = 0; i < segments.length; before = segments[i++]!) {
    if (segments[i]! < before || segments[i]! > end) {
      throw new CheckpointError('malformed', `has a sparse level whose segment ${i} begins at ${segments[i]}`, {
        file,
      });
    }
  }
}

/** Elements as unsigned integers of their size: they are only moved. */
function cellsOf({ buffer }: Uint8Array<ArrayBuffer>, size: number): Cells {
  switch (size) {
    case 1:
      return new Uint8Array(buffer);
    case 2:
      return new Uint16Array(buffer);
    case 4:
      return new Uint32Array(buffer);
    default:
      return new BigUint64Array(buffer);
  }
}
