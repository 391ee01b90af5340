/**
 * Writes TensorFlow checkpoints for tests as the descriptions of their formats say, sound ones and others: the index, a
 * table of LevelDB, and the data files.
 *
 * @see https://github.com/google/leveldb/blob/main/doc/table_format.md
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32c } from '../../../extension/checkpoint/tensorflow/crc32c';
import { bytesField, concat, lyingField, varint, varintField } from './onnxWriter';

/** Numbers of TensorFlow's DataType. */
export const TF = {
  ...{ FLOAT: 1, DOUBLE: 2, INT32: 3, UINT8: 4, INT16: 5, INT8: 6, STRING: 7, COMPLEX64: 8, INT64: 9, BOOL: 10 },
  ...{ QINT8: 11, QUINT8: 12, QINT32: 13, BFLOAT16: 14, UINT16: 17, HALF: 19, RESOURCE: 20, UINT64: 23, INT4: 29 },
} as const;

export interface TableEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** In place of the bytes that the key shares with the one before, and of the lengths of the rest and the value. */
  readonly shared?: number | bigint;
  readonly own?: number | bigint;
  readonly length?: number | bigint;
}

export interface Block {
  readonly entries: readonly TableEntry[];
  /** In place of the block's bytes. */
  readonly bytes?: Uint8Array;
  /** 1 is Snappy, with which the bytes are then compressed, into literals alone. */
  readonly compression?: number;
  /** Already compressed. */
  readonly stored?: Uint8Array;
  readonly crc?: number;
  /** In place of where the block is. */
  readonly offset?: number | bigint;
  readonly size?: number | bigint;
}

function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** LevelDB's `crc32c::Mask`. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Keys and values as a block holds them, each key without what it shares with the one before. */
export function blockBytes(entries: readonly TableEntry[]): Uint8Array {
  let before: Uint8Array = new Uint8Array();
  const parts = entries.map(({ key, value, shared, own, length }) => {
    let same = 0;
    while (same < key.length && same < before.length && key[same] === before[same]) same++;
    before = key;
    return concat(
      varint(shared ?? same),
      varint(own ?? key.length - same),
      varint(length ?? value.length),
      key.subarray(same),
      value,
    );
  });
  return Buffer.concat([...parts, uint32(0), uint32(1)]);
}

/** Literals of up to 60 bytes, and nothing else. */
export function snappyLiterals(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [varint(bytes.length)];
  for (let at = 0; at < bytes.length; at += 60) {
    const literal = bytes.subarray(at, at + 60);
    parts.push(concat([(literal.length - 1) << 2], literal));
  }
  return concat(...parts);
}

function withTrailer(stored: Uint8Array, compression: number, crc?: number): Uint8Array {
  const typed = concat(stored, [compression]);
  return concat(typed, uint32(masked(crc ?? crc32c(typed))));
}

/** A table: its blocks, an empty block of metadata, the index of the blocks, the footer. */
export function tableBytes(blocks: readonly Block[], { index }: { index?: Block } = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  const add = (block: Block): Uint8Array => {
    const bytes = block.bytes ?? blockBytes(block.entries);
    const compression = block.compression ?? 0;
    const stored = block.stored ?? (compression === 1 ? snappyLiterals(bytes) : bytes);
    const handle = concat(varint(block.offset ?? size), varint(block.size ?? stored.length));
    const whole = withTrailer(stored, compression, block.crc);
    parts.push(whole);
    size += whole.length;
    return handle;
  };
  const handles = blocks.map((block): TableEntry => {
    const value = add(block);
    return { key: block.entries.at(-1)?.key ?? new Uint8Array(), value };
  });
  const meta = add({ entries: [] });
  const place = add({ ...index, entries: handles });
  const footer = new Uint8Array(48);
  footer.set(concat(meta, place));
  footer.set(Buffer.from('57fb808b247547db', 'hex'), 40);
  return Buffer.concat([...parts, footer]);
}

export interface HeaderFields {
  readonly shards?: number | bigint;
  readonly bigEndian?: boolean;
  readonly minConsumer?: number;
}

export function headerEntry({ shards = 1, bigEndian = false, minConsumer = 0 }: HeaderFields = {}): TableEntry {
  const version = concat(varintField(1, 1), minConsumer === 0 ? [] : varintField(2, minConsumer));
  const value = concat(varintField(1, shards), bigEndian ? varintField(2, 1) : [], bytesField(3, version));
  return { key: new Uint8Array(), value };
}

export interface EntryFields {
  readonly type?: number;
  readonly shape?: readonly (number | bigint)[];
  readonly shard?: number | bigint;
  readonly offset?: number | bigint;
  readonly size?: number | bigint;
  /** Not masked; none where it is not given. */
  readonly crc?: number;
  /** Extents of slices: [start, length] of each axis, `undefined` for a whole one. */
  readonly slices?: readonly (readonly Extent[])[];
}

export type Extent = readonly [start: number, length: number] | undefined;

export function shapeField(field: number, shape: readonly (number | bigint)[]): Uint8Array {
  return bytesField(field, concat(...shape.map((size) => bytesField(2, varintField(1, size)))));
}

export function entryBytes({
  type = TF.FLOAT,
  shape = [],
  shard,
  offset,
  size = 0,
  crc,
  slices = [],
}: EntryFields): Uint8Array {
  const sliceField = (extents: readonly Extent[]): Uint8Array =>
    bytesField(
      7,
      concat(
        ...extents.map((extent) =>
          bytesField(1, extent ? concat(varintField(1, extent[0]), varintField(2, extent[1])) : new Uint8Array()),
        ),
      ),
    );
  return concat(
    varintField(1, type),
    shapeField(2, shape),
    shard === undefined ? [] : varintField(3, shard),
    offset === undefined ? [] : varintField(4, offset),
    varintField(5, size),
    crc === undefined ? [] : concat(varint(6 * 8 + 5), uint32(masked(crc))),
    ...slices.map(sliceField),
  );
}

/** The key of a slice, an ordered code of TensorFlow. */
export function sliceKey(name: string, extents: readonly Extent[]): Uint8Array {
  const escaped = [...Buffer.from(name)].flatMap((byte) => (byte === 0 ? [0, 255] : byte === 255 ? [255, 0] : [byte]));
  const numbers = extents.flatMap((extent) => (extent ? extent : [0, -1]).map((value) => orderedNumber(value)));
  return concat([0], escaped, [0, 1], extents.length === 0 ? [0] : [1, extents.length], ...numbers);
}

/** A number as TensorFlow's OrderedCode writes it, of up to 27 bits. */
function orderedNumber(value: number): Uint8Array {
  const bits = 32 - Math.clz32(value < 0 ? ~value : value);
  const length = Math.floor(bits / 7) + 1;
  const prefix = (0xff00 >> length) & 0xff;
  const bytes = Array.from({ length }, (_, i) => (value >> (8 * (length - 1 - i))) & 0xff);
  bytes[0] = bytes[0]! ^ prefix;
  return Uint8Array.from(bytes);
}

/** One stored tensor, or one slice of a tensor. */
export interface BundleTensor {
  readonly name: string;
  readonly type?: number;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly shard?: number;
  /** In place of the sum of the bytes. */
  readonly crc?: number;
  /** Makes it a slice of the tensor that is called `name`. */
  readonly extents?: readonly Extent[];
}

/** A tensor that is stored in slices. */
export interface SlicedTensor {
  readonly name: string;
  readonly type?: number;
  readonly shape: readonly number[];
  readonly slices: readonly (readonly Extent[])[];
}

export interface Bundle {
  readonly index: Uint8Array;
  /** In the order of their numbers. */
  readonly data: readonly Uint8Array[];
}

/** The files of a checkpoint. @param compression of the index's block, 1 for Snappy */
export function bundle(
  tensors: readonly (BundleTensor | SlicedTensor)[],
  {
    shards = 1,
    compression = 0,
    bigEndian = false,
  }: { shards?: number; compression?: number; bigEndian?: boolean } = {},
): Bundle {
  const data = Array.from({ length: shards }, () => [] as Uint8Array[]);
  const sizes = new Array<number>(shards).fill(0);
  const entries = tensors.map((tensor): TableEntry => {
    if (!('bytes' in tensor)) return { key: Buffer.from(tensor.name), value: entryBytes(tensor) };
    const { name, bytes, extents, shard = 0 } = tensor;
    const place = { offset: sizes[shard]!, size: bytes.length, shard, crc: tensor.crc ?? crc32c(bytes) };
    data[shard]!.push(bytes);
    sizes[shard]! += bytes.length;
    const fields = { shape: tensor.shape, ...(tensor.type !== undefined && { type: tensor.type }), ...place };
    return { key: extents ? sliceKey(name, extents) : Buffer.from(name), value: entryBytes(fields) };
  });
  const sorted = entries.sort((a, b) => Buffer.compare(a.key, b.key));
  const index = tableBytes([{ entries: [headerEntry({ shards, bigEndian }), ...sorted], compression }]);
  return { index, data: data.map((parts) => concat(...parts)) };
}

/** Writes the files and says where the index is. */
export function writeBundle(folder: string, name: string, { index, data }: Bundle): string {
  mkdirSync(folder, { recursive: true });
  const digits = (number: number): string => String(number).padStart(5, '0');
  data.forEach((bytes, i) =>
    writeFileSync(path.join(folder, `${name}.data-${digits(i)}-of-${digits(data.length)}`), bytes),
  );
  const file = path.join(folder, `${name}.index`);
  writeFileSync(file, index);
  return file;
}

/** A text as a tensor holds it: lengths, their checksum, and the text. */
export function textBytes(text: Uint8Array): Uint8Array {
  const length = varint(text.length);
  return concat(length, uint32(masked(crc32c(uint32(text.length)))), text);
}

/** The graph of objects: of each attribute the key and the full name. */
export function objectGraph(attributes: readonly { key: string; fullName: string }[]): Uint8Array {
  const nodes = attributes.map(({ key, fullName }) => {
    const attribute = concat(bytesField(1, 'VARIABLE_VALUE'), bytesField(2, fullName), bytesField(3, key));
    return bytesField(1, bytesField(2, attribute));
  });
  const root = bytesField(1, bytesField(1, concat(varintField(1, 1), bytesField(2, 'layer'))));
  return concat(root, ...nodes);
}

/** 0, 1, 2, … as float32. */
export function ramp(count: number, first = 0): Uint8Array {
  return new Uint8Array(Float32Array.from({ length: count }, (_, i) => first + i).buffer);
}

export { bytesField, concat, lyingField, varint, varintField };
