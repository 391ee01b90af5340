/** Fixed arrays: the index of chunks of a dataset that cannot grow. One block, in pages where it is long. */
import type { Hdf5Bytes } from './hdf5Bytes';
import { assertChecksum } from './hdf5Checksum';
import type { Hdf5Cursor } from './hdf5Cursor';
import type { RowRange } from '../elements/rowBand';

/** HDF5 makes pages of 1024 elements. */
const MAX_PAGE_BITS = 20;

const CHECKSUM_BYTES = 4;

/** An element of an array, and its number. Most elements of a sparse one need no promise. */
export type VisitElement = (element: Hdf5Cursor, index: number) => Promise<void> | undefined;

/** Gives the elements of the range that were ever written. @throws CheckpointError `malformed`, `corrupt`, `truncated`, … */
export async function walkFixedArray(
  bytes: Hdf5Bytes,
  address: number | undefined,
  range: RowRange,
  visit: VisitElement,
): Promise<void> {
  const { offsetSize, lengthSize } = bytes.widths;
  const head = await bytes.block(address, 12 + lengthSize + offsetSize, 'index of chunks');
  head.signature('FAHD', 'index of chunks');
  // Version, client.
  head.skip(2);
  const elementBytes = head.uint8();
  const pageBits = head.uint8();
  const count = head.length();
  const block = head.address();
  assertChecksum(head, 'index of chunks');
  if (pageBits > MAX_PAGE_BITS || elementBytes < offsetSize) {
    throw head.error(
      'malformed',
      `has an index of chunks with entries of ${elementBytes} bytes in pages of 2^${pageBits}`,
    );
  }
  if (block === undefined) return;
  const wanted = { start: range.start, end: Math.min(range.end, count) };
  const perPage = 2 ** pageBits;
  const frameBytes = 6 + offsetSize;
  if (count <= perPage) {
    const whole = await bytes.block(block, frameBytes + count * elementBytes + CHECKSUM_BYTES, 'index of chunks');
    whole.signature('FADB', 'index of chunks');
    whole.at = whole.bytes.length - CHECKSUM_BYTES;
    assertChecksum(whole, 'index of chunks');
    whole.at = frameBytes;
    return visitElements(whole, { start: 0, end: count }, elementBytes, wanted, visit);
  }
  const bitmapBytes = Math.ceil(Math.ceil(count / perPage) / 8);
  const frame = await bytes.block(block, frameBytes + bitmapBytes + CHECKSUM_BYTES, 'index of chunks');
  frame.signature('FADB', 'index of chunks');
  frame.at = frameBytes;
  const written = frame.take(bitmapBytes);
  assertChecksum(frame, 'index of chunks');
  const pages = block + frame.bytes.length;
  const pageBytes = perPage * elementBytes + CHECKSUM_BYTES;
  for (let page = Math.floor(wanted.start / perPage); page * perPage < wanted.end; page++) {
    if (!isSet(written, page)) continue;
    const held = { start: page * perPage, end: Math.min(count, (page + 1) * perPage) };
    await visitPage(bytes, pages + page * pageBytes, held, elementBytes, wanted, visit);
  }
}

/** Elements and a checksum of them. */
export async function visitPage(
  bytes: Hdf5Bytes,
  address: number,
  held: RowRange,
  elementBytes: number,
  wanted: RowRange,
  visit: VisitElement,
): Promise<void> {
  const length = (held.end - held.start) * elementBytes;
  const page = await bytes.block(address, length + CHECKSUM_BYTES, 'index of chunks');
  page.skip(length);
  assertChecksum(page, 'index of chunks');
  page.at = 0;
  return visitElements(page, held, elementBytes, wanted, visit);
}

/** @param cursor at the first of the elements that are `held` */
export async function visitElements(
  cursor: Hdf5Cursor,
  held: RowRange,
  elementBytes: number,
  wanted: RowRange,
  visit: VisitElement,
): Promise<void> {
  const start = Math.max(held.start, wanted.start);
  if (start >= Math.min(held.end, wanted.end)) return;
  cursor.skip((start - held.start) * elementBytes);
  for (let index = start; index < Math.min(held.end, wanted.end); index++) {
    const visited = visit(cursor.part(elementBytes), index);
    if (visited) await visited;
  }
}

/** The first page's bit is the highest of a byte. */
export function isSet(bitmap: Uint8Array, index: number): boolean {
  return (((bitmap[index >> 3] ?? 0) << (index & 7)) & 0x80) !== 0;
}
