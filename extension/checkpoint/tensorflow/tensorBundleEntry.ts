/**
 * The two messages in the index of a TensorFlow checkpoint: what all of it is, and where one tensor is.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto
 */
import { WIRE, type Field, type ProtobufReader, type Span } from '../containers/protobufReader';
import { MAX_RANK } from '../elements/shape';

/** The version of the format that this program reads, the only one there has been. */
const VERSION = 1;

export interface BundleHeader {
  /** Data files, numbered from 0. */
  readonly shards: number;
  readonly bigEndian: boolean;
}

export interface BundleEntry {
  /** A number of `tensorflowTypes.ts`. */
  readonly type: number;
  readonly shape: readonly number[];
  readonly shard: number;
  /** Offset of the first byte in the shard, and the number of bytes. */
  readonly offset: number;
  readonly size: number;
  /** Masked CRC-32C of these bytes. */
  readonly crc?: number;
  /** In how many pieces the tensor is stored, each under a key of its own; 0 where it is in one, here. */
  readonly slices: number;
}

/** @throws CheckpointError `malformed`, `truncated`; `unsupported` for a later version of the format */
export async function readBundleHeader(reader: ProtobufReader, message: Span): Promise<BundleHeader> {
  let [shards, endianness, needed] = [0, 0, 0];
  await reader.walk(message, async (field) => {
    if (field.number === 1) shards = reader.unsigned(field);
    else if (field.number === 2) endianness = reader.unsigned(field);
    else if (field.number === 3) {
      await reader.walk(field, (version) => {
        if (version.number === 2) needed = reader.unsigned(version);
      });
    }
  });
  if (needed > VERSION) {
    const message = `can be read by version ${needed} of the format only; version ${VERSION} is supported`;
    throw reader.error('unsupported', message, 0);
  }
  return { shards, bigEndian: endianness === 1 };
}

/** @throws CheckpointError `malformed`, `truncated` */
export async function readBundleEntry(reader: ProtobufReader, message: Span): Promise<BundleEntry> {
  const entry: { -readonly [Key in keyof BundleEntry]: BundleEntry[Key] } = {
    ...{ type: 0, shape: [], shard: 0, offset: 0, size: 0, slices: 0 },
  };
  // A promise for the one field that needs it: there are a million entries.
  await reader.walk(message, (field) => {
    switch (field.number) {
      case 1:
        entry.type = reader.unsigned(field);
        break;
      case 2:
        return readShape(reader, field).then((shape) => {
          entry.shape = shape;
        });
      case 3:
        entry.shard = reader.unsigned(field);
        break;
      case 4:
        entry.offset = reader.unsigned(field);
        break;
      case 5:
        entry.size = reader.unsigned(field);
        break;
      case 6:
        reader.expectWire(field, WIRE.fixed32);
        entry.crc = reader.fixed32(field.end);
        break;
      case 7:
        reader.expectWire(field, WIRE.bytes);
        entry.slices++;
        break;
    }
    return undefined;
  });
  return entry;
}

/**
 * A TensorShapeProto.
 *
 * @throws CheckpointError `malformed` for unknown or negative sizes and more axes than there can be
 */
export async function readShape(reader: ProtobufReader, field: Field): Promise<number[]> {
  reader.expectWire(field, WIRE.bytes);
  const shape: number[] = [];
  await reader.walk(field, (axis) => {
    if (axis.number === 3 && axis.low !== 0) throw reader.malformed('has a shape of unknown rank', axis.offset);
    if (axis.number !== 2) return undefined;
    reader.expectWire(axis, WIRE.bytes);
    if (shape.length === MAX_RANK) throw reader.malformed(`has more than ${MAX_RANK} axes`, axis.offset);
    const place = shape.push(0) - 1;
    return reader.walk(axis, (part) => {
      if (part.number === 1) shape[place] = reader.unsigned(part);
    });
  });
  return shape;
}
