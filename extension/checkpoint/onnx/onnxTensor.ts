/**
 * One ONNX TensorProto: shape, element type, and where its elements lie. Field numbers and the rules for which field
 * holds which type are those of onnx.proto.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { DType, PackedType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import {
  type Encoding,
  numbersAt,
  SegmentCollector,
  type RawData,
  type TypedData,
} from '../containers/protobufNumbers';
import { packedBytes } from '../elements/packedElements';
import { type Field, type ProtobufReader, type Span, WIRE } from '../containers/protobufReader';
import { elementCount, MAX_RANK } from '../elements/shape';

/** A name is shown and compared; the longest seen (nested TensorFlow scopes) has a few hundred bytes. */
export const MAX_NAME_BYTES = 4096;

/** external_data has four documented keys; paths are bounded by the file system. */
const MAX_EXTERNAL_ENTRIES = 16;
const MAX_EXTERNAL_VALUE_BYTES = 4096;

/** `location` as written in the file: a path relative to the model's folder. */
export interface ExternalData {
  readonly kind: 'external';
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

export type TensorData = RawData | TypedData | ExternalData;

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Type of the stored elements: whole bytes if they are packed. */
  readonly dtype: DType;
  /** How several elements share a byte. */
  readonly packed?: PackedType;
  /** Bytes of the stored elements. */
  readonly byteLength: number;
  readonly data: TensorData;
  /** Offset of its message in the file, for error messages. */
  readonly offset: number;
}

/** TensorProto.DataType → our dtype. */
const DTYPES: ReadonlyMap<number, DType> = new Map<number, DType>([
  [1, 'F32'],
  [2, 'U8'],
  [3, 'I8'],
  [4, 'U16'],
  [5, 'I16'],
  [6, 'I32'],
  [7, 'I64'],
  [9, 'BOOL'],
  [10, 'F16'],
  [11, 'F64'],
  [12, 'U32'],
  [13, 'U64'],
  [14, 'C64'],
  [15, 'C128'],
  [16, 'BF16'],
  [17, 'F8_E4M3'],
  [18, 'F8_E4M3FNUZ'],
  [19, 'F8_E5M2'],
  [20, 'F8_E5M2FNUZ'],
  [24, 'F8_E8M0'],
]);

/** Those of less than a byte: two or four elements a byte, by their count filled up to a whole one. */
const PACKED: ReadonlyMap<number, PackedType> = new Map<number, PackedType>([
  [21, 'U4'],
  [22, 'I4'],
  [23, 'F4'],
  [25, 'U2'],
  [26, 'I2'],
]);

/** Names of the types that have no counterpart here, for the problem's sentence. */
const UNREADABLE: ReadonlyMap<number, string> = new Map([[8, 'STRING']]);

/** Typed fields: number in TensorProto, encoding, and the dtypes that use them. */
const TYPED_FIELDS: ReadonlyMap<number, { encoding: Encoding; dtypes: readonly DType[] }> = new Map([
  [4, { encoding: 'fixed32', dtypes: ['F32', 'C64'] }],
  [
    5,
    {
      encoding: 'varint',
      dtypes: [
        ...(['I32', 'I16', 'I8', 'U16', 'U8', 'BOOL', 'F16', 'BF16'] as const),
        ...(['F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F8_E8M0'] as const),
      ],
    },
  ],
  [7, { encoding: 'varint', dtypes: ['I64'] }],
  [10, { encoding: 'fixed64', dtypes: ['F64', 'C128'] }],
  [11, { encoding: 'varint', dtypes: ['U32', 'U64'] }],
]);

/**
 * The tensor in the message at `span`.
 *
 * @param name what it is called where the message's own name does not count (a Constant node's output)
 * @throws CheckpointError `unsupported` for strings and segmented tensors; `malformed`, `truncated`, `limit`
 */
export async function readTensor(reader: ProtobufReader, span: Span, name?: string): Promise<OnnxTensor> {
  const parsed = new TensorFields(reader);
  reader.subject = name;
  try {
    await reader.walk(span, (field) => parsed.visit(field));
    return parsed.finish(span.start, name);
  } finally {
    reader.subject = undefined;
  }
}

class TensorFields {
  name = '';
  private readonly dims: number[] = [];
  private dataType = 0;
  private segmented = false;
  private location = 0;
  private raw: Span | undefined;
  private readonly typed = new Map<number, SegmentCollector>();
  private readonly external = new Map<string, string>();
  private readonly seen = new Set<number>();

  constructor(private readonly reader: ProtobufReader) {}

  visit(field: Field): Promise<void> | void {
    switch (field.number) {
      case 1:
        return this.addDims(field);
      case 2:
        this.once(field);
        this.dataType = this.reader.unsigned(field);
        return;
      case 3:
        this.segmented = true;
        return;
      case 8:
        return this.readName(field);
      case 9:
        this.once(field);
        this.reader.expectWire(field, WIRE.bytes);
        if (field.end > field.start) this.raw = { start: field.start, end: field.end };
        return;
      case 13:
        return this.addExternal(field);
      case 14:
        this.once(field);
        this.location = this.reader.unsigned(field);
        return;
      default:
        this.addTyped(field);
    }
  }

  /** A field that may occur once: a second one would leave open which of them counts. */
  private once(field: Field): void {
    if (this.seen.has(field.number)) {
      throw this.reader.malformed(`repeats field number ${field.number} of a tensor`, field.offset);
    }
    this.seen.add(field.number);
  }

  private async readName(field: Field): Promise<void> {
    this.once(field);
    this.name = await this.reader.text(field, MAX_NAME_BYTES);
    this.reader.subject ||= this.name;
  }

  private async addDims(field: Field): Promise<void> {
    if (field.wire !== WIRE.bytes) {
      this.addDim(this.reader.unsigned(field), field.offset);
      return;
    }
    this.reader.position = field.start;
    while (this.reader.position < Math.min(field.end, this.reader.size)) {
      if (!this.reader.holdsVarint()) await this.reader.load();
      this.reader.varint(field.end);
      this.addDim(this.reader.toCount(this.reader.low, this.reader.high, field.offset), field.offset);
    }
  }

  private addDim(size: number, offset: number): void {
    if (this.dims.length >= MAX_RANK) {
      throw this.reader.error('limit', `has more than ${MAX_RANK} axes`, offset);
    }
    this.dims.push(size);
  }

  private async addExternal(field: Field): Promise<void> {
    this.reader.expectWire(field, WIRE.bytes);
    if (this.external.size >= MAX_EXTERNAL_ENTRIES) {
      throw this.reader.error('limit', `has more than ${MAX_EXTERNAL_ENTRIES} external_data entries`, field.offset);
    }
    const { key, value } = await readEntry(this.reader, field, MAX_EXTERNAL_VALUE_BYTES);
    if (this.external.has(key)) throw this.reader.malformed(`repeats the external_data key ${key}`, field.offset);
    this.external.set(key, value);
  }

  private addTyped(field: Field): void {
    const kind = TYPED_FIELDS.get(field.number);
    if (!kind) return;
    let collector = this.typed.get(field.number);
    if (!collector) this.typed.set(field.number, (collector = new SegmentCollector(kind.encoding, this.reader)));
    collector.add(field);
  }

  finish(offset: number, name = this.name): OnnxTensor {
    const packed = PACKED.get(this.dataType);
    const dtype = packed ? 'U8' : DTYPES.get(this.dataType);
    if (!dtype) {
      const known = UNREADABLE.get(this.dataType);
      throw this.reader.error('unsupported', `has the element type ${known ?? `number ${this.dataType}`}`, offset);
    }
    if (this.segmented) throw this.reader.error('unsupported', 'is stored in segments', offset);
    const count = elementCount(this.dims);
    if (typeof count === 'string') throw this.reader.error('limit', count, offset);
    const byteLength = packed ? packedBytes(packed, count) : count * elementSize(dtype);
    const data = this.data(dtype, byteLength, offset);
    return { name, shape: this.dims, dtype, ...(packed && { packed }), byteLength, data, offset };
  }

  private data(dtype: DType, byteLength: number, offset: number): TensorData {
    if (this.location > 1) throw this.reader.malformed(`has the unknown data_location ${this.location}`, offset);
    if (this.location === 1) return this.externalData(offset);
    const typed = [...this.typed].filter(([, collector]) => collector.byteLength > 0);
    if (typed.length + (this.raw ? 1 : 0) > 1) {
      throw this.reader.malformed('has its elements in two fields at once', offset);
    }
    if (typed[0]) return this.typedData(...typed[0], dtype, byteLength, offset);
    const raw = this.raw ?? { start: offset, end: offset };
    const held = raw.end - raw.start;
    if (held !== byteLength) {
      throw this.reader.malformed(
        `${held ? `holds ${held} bytes` : 'holds no data (saved without its weights?)'}, but its shape ` +
          `[${this.dims.join(', ')}] needs ${byteLength}`,
        offset,
      );
    }
    return { kind: 'raw', ...raw };
  }

  private typedData(
    number: number,
    numbers: SegmentCollector,
    dtype: DType,
    byteLength: number,
    offset: number,
  ): TensorData {
    const { dtypes } = TYPED_FIELDS.get(number)!;
    if (!dtypes.includes(dtype)) {
      throw this.reader.malformed(`has ${dtype} elements in a field for ${dtypes.join(', ')}`, offset);
    }
    return numbersAt(this.reader, numbers, dtype, byteLength, offset);
  }

  private externalData(offset: number): ExternalData {
    const location = this.external.get('location');
    if (location === undefined) throw this.reader.malformed('has external data without a location', offset);
    const number = (key: string): number | undefined => {
      const text = this.external.get(key);
      if (text === undefined) return undefined;
      const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
      if (Number.isSafeInteger(value)) return value;
      throw this.reader.malformed(`has the external ${key} ${JSON.stringify(text)}, not a number`, offset);
    };
    return { kind: 'external', location, offset: number('offset') ?? 0, length: number('length') };
  }
}

/** A StringStringEntryProto. */
export async function readEntry(
  reader: ProtobufReader,
  span: Span,
  maxBytes: number,
): Promise<{ key: string; value: string }> {
  let [key, value] = ['', ''];
  await reader.walk(span, async (field) => {
    if (field.number === 1) key = await reader.text(field, MAX_NAME_BYTES);
    else if (field.number === 2) value = await reader.text(field, maxBytes);
  });
  return { key, value };
}
