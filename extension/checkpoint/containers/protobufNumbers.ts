/**
 * Elements that ONNX keeps in typed protobuf fields (`float_data`, `int32_data`, …), as the dtype's little-endian bytes.
 * `int32_data` also holds every narrower type: floats of 8 and 16 bits by their bit pattern, integers by value.
 */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import { type Field, ProtobufReader, type Span, WIRE } from './protobufReader';
import type { FileReader } from '../files/fileReader';

/** Writers emit one run of elements per tensor; protobuf allows a split, and each part costs memory here. */
const MAX_SEGMENTS = 1024;

/** How a typed field encodes one number. */
export type Encoding = 'fixed32' | 'fixed64' | 'varint';

/** Elements as they are read: contiguous, little-endian. */
export interface RawData extends Span {
  readonly kind: 'raw';
}

/** Elements of a typed field: payloads of packed fields, or runs of whole unpacked fields. */
export interface TypedData {
  readonly kind: 'typed';
  readonly encoding: Encoding;
  readonly segments: readonly TypedSegment[];
  /** The last number stands for all that are missing behind it, as in TensorFlow's graphs. */
  readonly repeatsLast?: boolean;
}

export interface TypedSegment extends Span {
  readonly packed: boolean;
}

/** Elements of one repeated numeric field, packed or not, as `segments` of `TypedData`. */
export class SegmentCollector {
  readonly segments: TypedSegment[] = [];
  /** Payload and, for unpacked fields, tag bytes: no fewer than the elements. */
  byteLength = 0;

  constructor(
    readonly encoding: Encoding,
    private readonly reader: ProtobufReader,
  ) {}

  add(field: Field): void {
    const packed = field.wire === WIRE.bytes;
    if (!packed) this.reader.expectWire(field, WIRE[this.encoding]);
    const start = packed ? field.start : field.offset;
    this.byteLength += field.end - start;
    const last = this.segments.at(-1);
    if (!packed && last?.packed === false && last.end === start) {
      this.segments[this.segments.length - 1] = { ...last, end: field.end };
      return;
    }
    if (this.segments.length >= MAX_SEGMENTS) {
      throw this.reader.error('limit', `has its elements in more than ${MAX_SEGMENTS} pieces`, field.offset);
    }
    this.segments.push({ start, end: field.end, packed });
  }
}

/** Shortest and longest encoded number; an unpacked one has a tag before it. */
const ENCODED: Readonly<Record<Encoding, readonly [min: number, max: number]>> = {
  fixed32: [4, 4],
  fixed64: [8, 8],
  varint: [1, 10],
};
const MAX_TAG_BYTES = 10;

/** Bytes of one number of a typed field as `dtype` stores it: half an element for complex types. */
export function numberSize(dtype: DType): number {
  return elementSize(dtype) / (dtype === 'C64' || dtype === 'C128' ? 2 : 1);
}

/**
 * Data of a tensor of `byteLength` bytes whose numbers are in `held` bytes of typed fields.
 *
 * @throws CheckpointError `malformed` where they cannot be that many
 */
export function numbersAt(
  reader: ProtobufReader,
  { encoding, segments, byteLength: held }: SegmentCollector,
  dtype: DType,
  byteLength: number,
  offset: number,
): RawData | TypedData {
  // How many varints there are is known only after reading them all; it is checked then.
  const count = byteLength / numberSize(dtype);
  const [min, max] = ENCODED[encoding];
  const tag = segments.every(({ packed }) => packed) ? 0 : MAX_TAG_BYTES;
  if (held < count * min || held > count * (max + tag)) {
    throw reader.malformed(`has ${held} bytes of data, but its shape needs ${count} numbers`, offset);
  }
  const only = segments.length === 1 ? segments[0]! : undefined;
  // Packed fixed-width numbers are the very bytes that raw_data would hold.
  if (only?.packed && encoding !== 'varint') return { kind: 'raw', start: only.start, end: only.end };
  return { kind: 'typed', encoding, segments };
}

/** Smallest and largest value of the varint-coded types of at most 32 bits. */
const RANGES: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  I32: [-(2 ** 31), 2 ** 31 - 1],
  I16: [-(2 ** 15), 2 ** 15 - 1],
  I8: [-(2 ** 7), 2 ** 7 - 1],
  U32: [0, 2 ** 32 - 1],
  U16: [0, 2 ** 16 - 1],
  U8: [0, 255],
  BOOL: [0, 1],
  F16: [0, 2 ** 16 - 1],
  BF16: [0, 2 ** 16 - 1],
  F8_E4M3: [0, 255],
  F8_E5M2: [0, 255],
  F8_E4M3FNUZ: [0, 255],
  F8_E5M2FNUZ: [0, 255],
  F8_E8M0: [0, 255],
};

/** The place at which reading stopped: the next row band of a tensor usually goes on there. */
interface Resume {
  readonly segment: number;
  readonly position: number;
  readonly count: number;
  /** The number that was read last, as its halves. */
  readonly number: readonly [low: number, high: number];
}

const START: Resume = { segment: 0, position: -1, count: 0, number: [0, 0] };

/** Reads one tensor's typed data; keep it between reads so that bands in order cost one pass in all. */
export class TypedDataReader {
  private resume = START;

  constructor(
    private readonly data: TypedData,
    private readonly dtype: DType,
    private readonly byteLength: number,
    private readonly tensor: string,
  ) {}

  /**
   * Bytes [start, end) of the tensor as if it were stored raw.
   *
   * @throws CheckpointError `malformed` where a value does not fit the dtype or there are too few or too many
   */
  async read(file: FileReader, { start, end }: Span, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(end - start);
    const perNumber = numberSize(this.dtype);
    const first = start / perNumber;
    const last = end / perNumber;
    const reader = new ProtobufReader(file, signal);
    reader.subject = this.tensor;
    const target = new DataView(bytes.buffer);
    let { segment, position, count, number } = first >= this.resume.count ? this.resume : START;
    while (segment < this.data.segments.length) {
      const span = this.data.segments[segment]!;
      reader.position = position < 0 ? span.start : position;
      while (reader.position < span.end && count < last) {
        if (!span.packed) await this.skipTag(reader, span.end);
        if (!reader.holdsVarint()) await reader.load();
        const offset = reader.position;
        number = this.number(reader, span.end);
        if (count >= first) this.store(target, (count - first) * perNumber, number, reader, offset);
        count++;
      }
      position = reader.position;
      if (position < span.end) break;
      segment++;
      position = -1;
      if (count >= last && end < this.byteLength) break;
    }
    this.resume = { segment, position, count, number };
    if (this.data.repeatsLast && count > 0) {
      const { end: behind } = this.data.segments.at(-1)!;
      for (count = Math.max(count, first); count < last; count++) {
        this.store(target, (count - first) * perNumber, number, reader, behind);
      }
    }
    const surplus = end === this.byteLength && segment < this.data.segments.length;
    if (count < last || surplus) {
      throw reader.malformed(
        `has ${surplus ? 'more' : 'fewer'} elements than its shape needs`,
        this.data.segments.at(-1)!.end,
      );
    }
    return bytes;
  }

  private async skipTag(reader: ProtobufReader, limit: number): Promise<void> {
    if (!reader.holdsVarint()) await reader.load();
    reader.varint(limit);
  }

  private number(reader: ProtobufReader, limit: number): [low: number, high: number] {
    switch (this.data.encoding) {
      case 'varint':
        reader.varint(limit);
        return [reader.low, reader.high];
      case 'fixed32':
        return [reader.fixed32(limit), 0];
      case 'fixed64':
        return [reader.fixed32(limit), reader.fixed32(limit)];
    }
  }

  private store(
    target: DataView,
    at: number,
    [low, high]: readonly [low: number, high: number],
    reader: ProtobufReader,
    offset: number,
  ): void {
    const range = RANGES[this.dtype];
    if (!range) {
      target.setUint32(at, low, true);
      if (this.data.encoding !== 'fixed32') target.setUint32(at + 4, high, true);
      return;
    }
    const value = (high | 0) * 2 ** 32 + low;
    if (value < range[0] || value > range[1]) {
      throw reader.malformed(`has the value ${value}, outside ${range[0]} … ${range[1]} of ${this.dtype}`, offset);
    }
    const size = elementSize(this.dtype);
    if (size === 4) target.setInt32(at, value, true);
    else if (size === 2) target.setInt16(at, value, true);
    else target.setInt8(at, value);
  }
}
