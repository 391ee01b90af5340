/** Global heaps: collections of texts of any length, at which attributes point. */
import type { Hdf5Bytes } from './hdf5Bytes';
import { lengthWithout, type Hdf5Cursor } from './hdf5Cursor';

/** Bytes of a collection, and of an object in it, in front of their length. */
const HEAD_BYTES = 8;

type Collection = ReadonlyMap<number, Buffer>;

/** The collections that one object's attributes lie in; texts that were written together are in one. */
export class GlobalHeaps {
  private last: { readonly address: number; readonly collection: Collection } | undefined;

  constructor(private readonly bytes: Hdf5Bytes) {}

  /** The text that a length, an address and a number stand for. @throws CheckpointError `malformed`, `limit`, … */
  async text(place: Hdf5Cursor, maxBytes: number): Promise<string> {
    const length = place.uint32();
    const address = place.address();
    const index = place.uint32();
    // As HDF5 writes an empty one.
    if (length === 0 || address === undefined || (address === 0 && index === 0)) return '';
    if (length > maxBytes) throw place.error('limit', `has a text of ${length} bytes; at most ${maxBytes} are read`);
    if (this.last?.address !== address) this.last = { address, collection: await this.read(address) };
    const object = this.last.collection.get(index);
    if (!object || object.length < length) throw place.error('malformed', 'refers to a text that is not in its heap');
    this.bytes.spend(length, address);
    return object.toString('utf8', 0, lengthWithout(object.subarray(0, length), 0));
  }

  private async read(address: number): Promise<Collection> {
    const { bytes } = this;
    const { lengthSize } = bytes.widths;
    const head = await bytes.block(address, HEAD_BYTES + lengthSize, 'heap of texts');
    head.signature('GCOL', 'heap of texts');
    head.skip(4);
    const cursor = await bytes.block(address, head.length(), 'heap of texts');
    cursor.skip(HEAD_BYTES + lengthSize);
    const objects = new Map<number, Buffer>();
    while (cursor.left >= HEAD_BYTES + lengthSize) {
      const index = cursor.uint16();
      // References, reserved.
      cursor.skip(6);
      const length = cursor.length();
      // What is left is free.
      if (index === 0) break;
      objects.set(index, cursor.take(length));
      cursor.skip(Math.min(cursor.left, -length & 7));
    }
    return objects;
  }
}
