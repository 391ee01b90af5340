/** A dataset: what its messages say of its elements, and how its rows are read. */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import { contiguousStrides } from '../elements/shape';
import type { AttributeValue } from './hdf5Attributes';
import type { Hdf5Bytes } from './hdf5Bytes';
import type { Hdf5Cursor } from './hdf5Cursor';
import { Hdf5ChunkedRows, FillRows, MAX_CHUNK_BYTES, type UnpackedChunks } from './hdf5ChunkedRows';
import { readDataspace, type Dataspace } from './hdf5Dataspace';
import { readDatatype, type Hdf5Type } from './hdf5Datatype';
import { readFilters, unknownFilter, type Filter } from './hdf5Filters';
import { readLayout, type ChunkLayout } from './hdf5Layout';
import { findMessage, MESSAGE, type Message } from './hdf5ObjectHeader';
import { ViewSource, type ReadRange, type RowSource } from '../elements/rowSource';
import { MAX_EXPANDED_BYTES } from '../elements/tensorView';

/** Deflate makes no more than this of one byte. @see https://zlib.net/zlib_tech.html */
const MAX_INFLATION = 1032;

/** Chunks reach over the edge of a dataset, at most by so much of it; small datasets may have one chunk of any shape. */
const MAX_OVERHANG = 16;

export interface Hdf5Dataset {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly byteLength: number;
  /** How elements are stored where that is not plainly as `dtype`. */
  readonly stored: string | undefined;
  readonly source: RowSource | undefined;
  /** In words, where there is no source. */
  readonly unreadable: string | undefined;
}

/** A number type that the dataset's elements have. */
type Elements = Hdf5Type & { kind: 'number' };

/**
 * @param attributes of the dataset, asked for where its type alone does not say what its elements are
 * @throws CheckpointError `unsupported` where its elements are no numbers, `malformed`, `truncated`, `limit`, …
 */
export async function readDataset(
  messages: readonly Message[],
  bytes: Hdf5Bytes,
  unpacked: UnpackedChunks,
  attributes: () => Promise<ReadonlyMap<string, AttributeValue>>,
): Promise<Hdf5Dataset> {
  const spaceMessage = await findMessage(messages, MESSAGE.dataspace, bytes);
  const typeMessage = await findMessage(messages, MESSAGE.datatype, bytes);
  const layoutMessage = await findMessage(messages, MESSAGE.layout, bytes);
  if (!spaceMessage || !typeMessage || !layoutMessage) {
    throw bytes.error('malformed', 'is neither a group nor a dataset with a shape, a type and a layout');
  }
  const space = readDataspace(spaceMessage);
  const elements = await elementsOf(readDatatype(typeMessage), attributes, bytes);
  const { dtype, label } = elements;
  const byteLength = space.count * elementSize(dtype);
  const rows = await rowsOf(messages, layoutMessage, { space, elements, bytes, unpacked });
  const [source, unreadable] = typeof rows === 'string' ? [undefined, rows] : [rows, undefined];
  // Written out: of 100 000 objects that are put together from parts, each would be a table of its own.
  return { shape: space.shape, dtype, byteLength, stored: label, source, unreadable };
}

interface Place {
  readonly space: Dataspace;
  readonly elements: Elements;
  readonly bytes: Hdf5Bytes;
  readonly unpacked: UnpackedChunks;
}

/** How the elements are read, or why they are not, in words. */
async function rowsOf(
  messages: readonly Message[],
  layoutMessage: Hdf5Cursor,
  { space, elements, bytes, unpacked }: Place,
): Promise<RowSource | string> {
  if (messages.some(({ type }) => type === MESSAGE.externalFiles)) {
    return 'its elements are in other files, which are not opened';
  }
  const size = elementSize(elements.dtype);
  const byteLength = space.count * size;
  const layout = readLayout(layoutMessage, size);
  if (layout.kind === 'other') return layout.description;
  if (space.count === 0) return new FillRows(bytes.path, { space, fill: undefined, ...elements });
  if (layout.kind === 'compact') {
    const { data } = layout;
    if (data.length < byteLength) {
      throw bytes.error('malformed', `has ${data.length} bytes, but its shape needs ${byteLength}`);
    }
    return viewOn(space, elements, (start, end) => Promise.resolve(new Uint8Array(data.subarray(start, end))));
  }
  const fill = await fillValue(messages, bytes, size);
  if (layout.kind === 'contiguous') {
    const { address } = layout;
    if (address === undefined) assertPlausible(byteLength, 0, bytes);
    if (address === undefined) return new FillRows(bytes.path, { space, fill, ...elements });
    if (address + byteLength > bytes.size) {
      const reason = `its elements go up to byte ${address + byteLength}, but the file has ${bytes.size}`;
      throw bytes.error('truncated', reason, address);
    }
    return viewOn(space, elements, (start, end, signal) => bytes.under(signal).data(address + start, end - start));
  }
  const pipeline = await findMessage(messages, MESSAGE.filters, bytes);
  const filters = pipeline ? readFilters(pipeline) : [];
  assertPlausible(byteLength, (filters.length > 0 ? MAX_INFLATION : 1) * bytes.size, bytes);
  return chunkedRows({ ...elements, space, layout: layout.chunks, filters, fill }, bytes, unpacked);
}

/** Elements that follow one another in the bytes that are read. */
function viewOn({ shape }: Dataspace, { dtype, bigEndian }: Elements, read: ReadRange): RowSource {
  return new ViewSource({ dtype, bigEndian, shape, strides: contiguousStrides(shape), byteOffset: 0 }, read);
}

async function elementsOf(
  type: Hdf5Type,
  attributes: () => Promise<ReadonlyMap<string, AttributeValue>>,
  bytes: Hdf5Bytes,
): Promise<Elements> {
  if (type.kind === 'number') return type;
  // Keras and h5py know no better name for it.
  if (type.kind === 'opaque' && type.size === 2 && (await attributes()).get('dtype') === 'bfloat16') {
    return { kind: 'number', size: 2, dtype: 'BF16', bigEndian: false, label: 'opaque (bfloat16)' };
  }
  const description =
    type.kind === 'other' ? type.description : type.kind === 'opaque' ? `raw elements of ${type.size} bytes` : 'text';
  throw bytes.error('unsupported', `holds ${description}, which has no values to show`);
}

/**
 * Elements that are nowhere stored are made up: few bytes can ask for hours of honest work on them.
 *
 * @param stored bytes that the file may hold of them
 */
function assertPlausible(byteLength: number, stored: number, bytes: Hdf5Bytes): void {
  if (byteLength <= Math.max(MAX_EXPANDED_BYTES, stored)) return;
  const held =
    stored === 0 ? 'none of which was written' : `of which the file of ${bytes.size} bytes holds ${stored} at most`;
  const reason = `has ${byteLength} bytes of elements, ${held}; at most ${MAX_EXPANDED_BYTES} are made up`;
  throw bytes.error('limit', `${reason}: write all of them to see it`);
}

interface Chunked extends Elements {
  readonly space: Dataspace;
  readonly layout: ChunkLayout;
  readonly filters: readonly Filter[];
  readonly fill: Uint8Array | undefined;
}

function chunkedRows(chunked: Chunked, bytes: Hdf5Bytes, unpacked: UnpackedChunks): RowSource | string {
  const { space, layout, filters, dtype } = chunked;
  if (layout.shape.length !== space.shape.length) {
    const reason = `has chunks of ${layout.shape.length} axes, but ${space.shape.length} itself`;
    throw bytes.error('malformed', reason);
  }
  const unknown = unknownFilter(filters);
  if (unknown !== undefined) return unknown;
  const chunkBytes = layout.shape.reduce((product, length) => product * length, elementSize(dtype));
  const whole = filters.length > 0 ? chunkBytes : chunkBytes / layout.shape[0]!;
  if (whole > MAX_CHUNK_BYTES) {
    return `its chunks have ${whole} bytes once unpacked; more than ${MAX_CHUNK_BYTES} are not held`;
  }
  const cells = layout.shape.reduce((product, length, axis) => product * Math.ceil(space.shape[axis]! / length), 1);
  if (cells * chunkBytes > MAX_CHUNK_BYTES + MAX_OVERHANG * space.count * elementSize(dtype)) {
    const reason = `has ${cells} chunks of ${chunkBytes} bytes, far more than its shape`;
    throw bytes.error('limit', reason);
  }
  return new Hdf5ChunkedRows(bytes, { ...chunked, chunkBytes, filtered: filters.length > 0 }, unpacked);
}

/** One element as it is stored, undefined for zeros. @throws CheckpointError `malformed` */
async function fillValue(
  messages: readonly Message[],
  bytes: Hdf5Bytes,
  size: number,
): Promise<Uint8Array | undefined> {
  const cursor = await findMessage(messages, MESSAGE.fillValue, bytes);
  if (cursor) {
    const version = cursor.uint8();
    if (version >= 3) {
      if ((cursor.uint8() & 0x20) === 0) return undefined;
    } else {
      // When space is allocated and written.
      cursor.skip(2);
      const defined = cursor.uint8() !== 0;
      if (version === 2 && !defined) return undefined;
    }
  }
  const value = cursor ?? (await findMessage(messages, MESSAGE.oldFillValue, bytes));
  const length = value?.uint32();
  // A value of another type would have to be converted, which no program that writes weights asks for.
  return value && length === size ? new Uint8Array(value.take(length)) : undefined;
}
