/**
 * Weights that were frozen into a TensorFlow graph: its constants, with where their elements lie in the file. Graphs also
 * hold constants that are no weights (integers for shapes, single numbers, one number for all elements): these are counted.
 *
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/graph.proto
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor.proto
 */
import type { DType } from '../../shared/tensors';
import { CheckpointError } from '../checkpointError';
import { elementSize, isFloating } from '../elements/dtype';
import {
  numbersAt,
  numberSize,
  SegmentCollector,
  type Encoding,
  type RawData,
  type TypedData,
} from '../containers/protobufNumbers';
import type { ProblemList } from '../problemList';
import { WIRE, type Field, type ProtobufReader, type Span } from '../containers/protobufReader';
import { elementCount } from '../elements/shape';
import { readShape } from './tensorBundleEntry';
import { isQuantised, tensorflowType } from './tensorflowTypes';

/** Scopes nest; the longest names seen have a few hundred bytes. */
const MAX_NAME_BYTES = 4096;

/** Names of all constants together, in characters. */
const MAX_ALL_NAMES = 64 * 1024 * 1024;

/** Each costs about a kilobyte and 10 µs here; the largest graphs have some ten thousand. */
const MAX_CONSTANTS = 131_072;

/** What telling of a damaged node costs, in fields (`ProtobufReader.spend`): an error takes some 20 µs. */
const FAULT_FIELDS = 100;

/** Elements that are not stored are made up; beyond this it is a trap and no weight. */
const MAX_REPEATED_BYTES = 16 * 1024 * 1024;

/** Fields of a TensorProto that hold numbers one by one: their encoding, and the types of weights in them. */
const TYPED_FIELDS: ReadonlyMap<number, { encoding: Encoding; dtypes: readonly DType[] }> = new Map([
  [5, { encoding: 'fixed32', dtypes: ['F32'] }],
  [6, { encoding: 'fixed64', dtypes: ['F64'] }],
  [7, { encoding: 'varint', dtypes: ['I32', 'I16', 'I8', 'U16', 'U8'] }],
  [13, { encoding: 'varint', dtypes: ['F16', 'BF16'] }],
]);

export interface GraphConstant {
  readonly name: string;
  /** The function that it is in; '' in the graph itself. */
  readonly group: string;
  /** A number of `tensorflowTypes.ts`, one that has a dtype. */
  readonly type: number;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly data: RawData | TypedData;
}

/** Collects the constants of one file. Every walk may throw CheckpointError; what was found before stays. */
export class GraphConstants {
  readonly weights: GraphConstant[] = [];
  /** Constants that are no weights. */
  others = 0;
  /** Nodes that have a name and an operation. */
  nodes = 0;
  private nameLength = 0;

  constructor(
    private readonly reader: ProtobufReader,
    private readonly problems: ProblemList,
  ) {}

  /** A SavedModel: the first of its graphs that has nodes; the others are the same model for other devices. */
  async savedModel(message: Span): Promise<void> {
    await this.reader.walk(message, (field) => {
      if (field.number !== 2 || this.nodes > 0) return undefined;
      this.reader.expectWire(field, WIRE.bytes);
      return this.reader.walk(field, (part) => {
        if (part.number !== 2) return undefined;
        this.reader.expectWire(part, WIRE.bytes);
        return this.graph(part);
      });
    });
  }

  /** A GraphDef: nodes, and a library of functions with nodes of their own. */
  async graph(message: Span): Promise<void> {
    await this.reader.walk(message, (field) => {
      if (field.number !== 1 && field.number !== 2) return undefined;
      this.reader.expectWire(field, WIRE.bytes);
      if (field.number === 1) return this.node(field, '');
      return this.reader.walk(field, (part) => (part.number === 1 ? this.function(part) : undefined));
    });
  }

  private async function(message: Field): Promise<void> {
    this.reader.expectWire(message, WIRE.bytes);
    let name = '';
    await this.reader.walk(message, async (field) => {
      if (field.number === 1) {
        await this.reader.walk(field, async (part) => {
          if (part.number === 1) name = await this.reader.text(part, MAX_NAME_BYTES);
        });
      } else if (field.number === 3) await this.node(field, name);
    });
  }

  private async node(message: Field, group: string): Promise<void> {
    const { reader } = this;
    reader.expectWire(message, WIRE.bytes);
    let [name, operator] = ['', undefined as string | undefined];
    let value: TensorFields | undefined;
    try {
      await reader.walk(message, async (field) => {
        if (field.number === 1) name = await reader.text(field, MAX_NAME_BYTES);
        else if (field.number === 2) operator = await reader.text(field, MAX_NAME_BYTES);
        else if (field.number === 5 && (operator ?? 'Const') === 'Const')
          value = (await this.attribute(field)) ?? value;
      });
      if (operator !== undefined && name !== '') this.nodes++;
      if (operator === 'Const' && value) this.add(name, group, value, message.offset);
    } catch (error) {
      // The other nodes can be found all the same.
      if (!(error instanceof CheckpointError) || error.code !== 'malformed') throw error;
      reader.spend(FAULT_FIELDS);
      this.problems.push((name === '' ? error : error.ofTensor(name)).toProblem());
    }
  }

  /** The tensor in an entry of a node's attributes, where it is the one that is called `value`. */
  private async attribute(entry: Field): Promise<TensorFields | undefined> {
    const { reader } = this;
    let key = '';
    let found: TensorFields | undefined;
    await reader.walk(entry, async (field) => {
      if (field.number === 1) key = await reader.text(field, MAX_NAME_BYTES);
      else if (field.number === 2) {
        await reader.walk(field, async (kind) => {
          if (kind.number !== 8) return;
          found = new TensorFields(reader);
          await reader.walk(kind, (part) => found!.visit(part));
        });
      }
    });
    return key === 'value' ? found : undefined;
  }

  private add(name: string, group: string, fields: TensorFields, offset: number): void {
    const constant = fields.weight(offset);
    if (!constant) {
      this.others++;
      return;
    }
    this.nameLength += name.length + group.length;
    if (this.weights.length >= MAX_CONSTANTS || this.nameLength > MAX_ALL_NAMES) {
      const limit = `${MAX_CONSTANTS} constants or ${MAX_ALL_NAMES} characters of names`;
      throw this.reader.error('limit', `has more than ${limit}`, offset);
    }
    this.weights.push({ name, group, ...constant });
  }
}

/** A TensorProto as its fields come. */
class TensorFields {
  private type = 0;
  private shape: number[] = [];
  private content: Span | undefined;
  /** Of `float8_val`: bytes, unlike the other typed fields. */
  private float8: Span | undefined;
  private readonly typed = new Map<number, SegmentCollector>();

  constructor(private readonly reader: ProtobufReader) {}

  visit(field: Field): Promise<void> | undefined {
    if (field.number === 1) this.type = this.reader.unsigned(field);
    else if (field.number === 2) {
      return readShape(this.reader, field).then((shape) => {
        this.shape = shape;
      });
    } else if (field.number === 4) {
      this.reader.expectWire(field, WIRE.bytes);
      if (field.end > field.start) this.content = { start: field.start, end: field.end };
    } else if (field.number === 18) {
      this.reader.expectWire(field, WIRE.bytes);
      // One number stands for all elements.
      if (field.end > field.start + 1) this.float8 = { start: field.start, end: field.end };
    } else this.addNumbers(field);
    return undefined;
  }

  private addNumbers(field: Field): void {
    const kind = TYPED_FIELDS.get(field.number);
    if (!kind) return;
    const known = this.typed.get(field.number) ?? new SegmentCollector(kind.encoding, this.reader);
    this.typed.set(field.number, known);
    known.add(field);
  }

  /** @throws CheckpointError `malformed` where it is one, and its elements are not what its shape needs */
  weight(offset: number): Omit<GraphConstant, 'name' | 'group'> | undefined {
    const { type, shape } = this;
    const known = tensorflowType(type);
    const count = elementCount(shape);
    if (typeof count !== 'number') throw this.reader.malformed(count, offset);
    const { dtype } = known;
    if (!dtype || count < 2 || !(isFloating(dtype) || isQuantised(known))) return undefined;
    const byteLength = count * elementSize(dtype);
    const data = this.data(dtype, byteLength, offset);
    return data && { type, dtype, shape, byteLength, data };
  }

  /** Undefined where no number or one is stored for all elements: what initialises or fills, and no weight. */
  private data(dtype: DType, byteLength: number, offset: number): RawData | TypedData | undefined {
    const content = this.content ?? (dtype.startsWith('F8_') ? this.float8 : undefined);
    if (content) {
      const held = content.end - content.start;
      if (held !== byteLength) {
        const shape = this.shape.join(', ');
        throw this.reader.malformed(`has ${held} bytes of data, but the shape [${shape}] needs ${byteLength}`, offset);
      }
      return { kind: 'raw', ...content };
    }
    const typed = [...this.typed].find(([field]) => TYPED_FIELDS.get(field)!.dtypes.includes(dtype))?.[1];
    if (!typed || typed.byteLength <= ONE_NUMBER_BYTES[typed.encoding]) return undefined;
    const { encoding, segments } = typed;
    const whole = (byteLength / numberSize(dtype)) * LEAST_BYTES[encoding];
    // TensorFlow's optimiser leaves out the end of a tensor whose elements are equal there.
    if (typed.byteLength < whole) {
      if (byteLength > MAX_REPEATED_BYTES) {
        const message = `repeats the last of its numbers to ${byteLength} bytes; at most ${MAX_REPEATED_BYTES} are made of few`;
        throw this.reader.malformed(message, offset);
      }
      return { kind: 'typed', encoding, segments, repeatsLast: true };
    }
    const data = numbersAt(this.reader, typed, dtype, byteLength, offset);
    return data.kind === 'typed' ? { ...data, repeatsLast: true } : data;
  }
}

/** Least bytes of one number. */
const LEAST_BYTES: Readonly<Record<Encoding, number>> = { fixed32: 4, fixed64: 8, varint: 1 };

/** Bytes of one number with its tag. A varint may be shorter; this is the longest of 16 bits. */
const ONE_NUMBER_BYTES: Readonly<Record<Encoding, number>> = { fixed32: 5, fixed64: 9, varint: 4 };
