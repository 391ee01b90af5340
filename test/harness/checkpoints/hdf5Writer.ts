/** Files of HDF5's first format whose root group points at the same bytes many times, which no library writes. */

export interface WrittenGroup {
  /** Names, back to back: a name goes on to the next zero. */
  readonly heap: Buffer;
  /** Offsets in the heap of the links' names; all links lead to the root. */
  readonly names: readonly number[];
  /** One attribute: how often it has the text. */
  readonly attribute?: { readonly text: Buffer; readonly count: number };
  /** Heaps of texts, each beginning in the one before: how many, and how large they say that they are. */
  readonly heaps?: { readonly count: number; readonly bytes: number };
}

const ROOT = 96;
const NONE = 2n ** 64n - 1n;

export function hdf5File({ heap, names, attribute, heaps = { count: 1, bytes: 0 } }: WrittenGroup): Buffer {
  const one = attribute ? textHeap(attribute.text, heaps.bytes) : Buffer.alloc(0);
  const texts = Buffer.concat(new Array<Buffer>(heaps.count).fill(one));
  const [treeAt, heapAt] = [ROOT + 16 + 65536, ROOT + 16 + 65536 + 48];
  const nodeAt = heapAt + 32 + heap.length;
  const textsAt = nodeAt + 8 + 40 * names.length;
  const messages = [message(0x11, u64(treeAt), u64(heapAt))];
  if (attribute) {
    const places = Array.from({ length: attribute.count }, (_, i) => textsAt + (i % heaps.count) * one.length);
    messages.push(attributeMessage(places, attribute.text.length));
  }
  const header = Buffer.concat(messages);
  // The rest of its room is unused.
  const room = Buffer.alloc(treeAt - ROOT - 16 - header.length);
  return Buffer.concat([
    ...[Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), Buffer.from([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0])],
    ...[u64(0), u64(NONE), u64(textsAt + texts.length), u64(NONE), u64(0), u64(ROOT), Buffer.alloc(24)],
    ...[Buffer.from([1, 0, messages.length, 0, 1, 0, 0, 0]), u64(header.length), header, room],
    ...[Buffer.from('TREE\0\0\x01\0', 'latin1'), u64(NONE), u64(NONE), u64(0), u64(nodeAt), u64(0)],
    ...[Buffer.from('HEAP\0\0\0\0', 'latin1'), u64(heap.length), u64(NONE), u64(heapAt + 32), heap],
    ...[Buffer.from('SNOD\x01\0', 'latin1'), u16(names.length)],
    ...names.map((name) => Buffer.concat([u64(name), u64(ROOT), Buffer.alloc(24)])),
    texts,
  ]);
}

/** Texts of varying length, each the first object of a heap. */
function attributeMessage(heapsAt: readonly number[], length: number): Buffer {
  const type = Buffer.from([0x19, 1, 0, 0, 16, 0, 0, 0, 0x13, 0, 0, 0, 1, 0, 0, 0]);
  const space = Buffer.concat([Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]), u64(heapsAt.length)]);
  const sizes = [8, type.length, space.length].map(u16);
  const places = heapsAt.map((at) => Buffer.concat([u32(length), u64(at), u32(1)]));
  return message(0x0c, Buffer.from([1, 0]), ...sizes, Buffer.from('texts\0\0\0'), type, space, ...places);
}

function textHeap(text: Buffer, bytes: number): Buffer {
  const padded = Buffer.concat([text, Buffer.alloc(-text.length & 7)]);
  const object = [Buffer.from([1, 0, 1, 0, 0, 0, 0, 0]), u64(text.length), padded];
  return Buffer.concat([
    Buffer.from('GCOL\x01\0\0\0', 'latin1'),
    u64(Math.max(bytes, 48 + padded.length)),
    ...object,
    Buffer.alloc(16),
  ]);
}

function message(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u16(type), u16(body.length), Buffer.alloc(4), body]);
}

function u16(value: number): Buffer {
  return Buffer.from(Uint16Array.of(value).buffer);
}

function u32(value: number): Buffer {
  return Buffer.from(Uint32Array.of(value).buffer);
}

function u64(value: number | bigint): Buffer {
  return Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
}
