/**
 * One ONNX NodeProto: the values of a Constant node, the graphs that control-flow nodes carry as attributes, and what
 * goes into operators that say what a weight means.
 */
import type { DType } from '../../shared/tensors';
import { elementSize } from '../elements/dtype';
import { MAX_NAME_BYTES, type OnnxTensor, readTensor } from './onnxTensor';
import { numbersAt, SegmentCollector } from '../containers/protobufNumbers';
import { type Field, type ProtobufReader, type Span, WIRE } from '../containers/protobufReader';

/** Operators have a dozen attributes; their places are kept until the operator is known. */
const MAX_ATTRIBUTES = 4096;

/** Graphs or tensors of one attribute. */
const MAX_PARTS = 1024;

/** The most inputs that an operator looked at here has: 18, QEmbedLayerNormalization's. */
const MAX_INPUTS = 18;

export interface OnnxNode {
  /** The node's name; where it has none, its operator's. */
  readonly name: string;
  /** Values of a Constant node (at most one in a valid model), named by the node's output. */
  readonly constants: readonly OnnxTensor[];
  readonly subgraphs: readonly { readonly attribute: string; readonly graph: Field }[];
  /** The call, if it was asked for. */
  readonly call?: OperatorCall;
  /** Tensors that a node hands to an operator that is not ONNX's own: a function of the model may be what it calls. */
  readonly arguments: readonly TensorArgument[];
}

/** The tensors of an attribute, not read yet. */
export interface TensorArgument {
  /** As `OperatorCall.operator`. */
  readonly operator: string;
  readonly attribute: string;
  readonly tensors: readonly Field[];
}

/** What an operator computes its first output from. */
export interface OperatorCall {
  /** `Conv`; with its domain where that is not ONNX's own: `com.microsoft.MatMulNBits`. */
  readonly operator: string;
  /** Names; '' for one that is left out. */
  readonly inputs: readonly string[];
  readonly output: string;
  readonly integers: ReadonlyMap<string, number>;
}

/** The attributes of most operators: a map for each of 100 000 would cost more than everything else about them. */
const NONE: ReadonlyMap<string, number> = new Map();

/** Numeric attributes of Constant: a scalar or a list, by AttributeProto's field. */
const NUMBERS: ReadonlyMap<string, { field: number; dtype: DType; list: boolean }> = new Map([
  ['value_float', { field: 2, dtype: 'F32', list: false }],
  ['value_int', { field: 3, dtype: 'I64', list: false }],
  ['value_floats', { field: 7, dtype: 'F32', list: true }],
  ['value_ints', { field: 8, dtype: 'I64', list: true }],
]);

/** What a Constant's other values are called in a problem. */
const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ['sparse_value', 'is a sparse tensor'],
  ['value_string', 'is a string'],
  ['value_strings', 'is a list of strings'],
]);

/**
 * @param wanted whether a node's `call` is of interest, by its operator
 * @param attempt runs one part and keeps what is wrong with it, so that the others are still read
 * @throws CheckpointError `malformed`, `truncated`, `limit`
 */
export async function readNode(
  reader: ProtobufReader,
  span: Span,
  wanted: (operator: string) => boolean,
  attempt: (part: () => Promise<void>) => Promise<void>,
): Promise<OnnxNode> {
  let [name, type, domain, output] = ['', '', '', ''];
  let outputs = 0;
  const inputs: Field[] = [];
  const attributes: Field[] = [];
  await reader.walk(span, async (field) => {
    if (field.number === 1) {
      // Read when the operator is known: most nodes are of no interest.
      if (inputs.length < MAX_INPUTS) inputs.push(field);
    } else if (field.number === 2 && outputs++ === 0) output = await reader.text(field, MAX_NAME_BYTES);
    else if (field.number === 3) name = await reader.text(field, MAX_NAME_BYTES);
    else if (field.number === 4) type = await reader.text(field, MAX_NAME_BYTES);
    else if (field.number === 7) domain = await reader.text(field, MAX_NAME_BYTES);
    else if (field.number === 5) {
      if (attributes.length >= MAX_ATTRIBUTES) {
        throw reader.error('limit', `has a node with more than ${MAX_ATTRIBUTES} attributes`, field.offset);
      }
      attributes.push(field);
    }
  });
  const operator = domain === '' || domain === 'ai.onnx' ? type : `${domain}.${type}`;
  const isConstant = operator === 'Constant';
  const mayCallFunction = operator !== type;
  const tensorArguments: TensorArgument[] = [];
  const integers = new Map<string, number>();
  const constants: OnnxTensor[] = [];
  const subgraphs: { attribute: string; graph: Field }[] = [];
  for (const attribute of attributes) {
    await attempt(async () => {
      const { name: key, integer, tensors, numbers, graphs } = await readAttribute(reader, attribute);
      if (integer !== undefined) integers.set(key, integer);
      for (const graph of graphs) subgraphs.push({ attribute: key, graph });
      if (mayCallFunction && tensors.length > 0) tensorArguments.push({ operator, attribute: key, tensors });
      const constant = isConstant
        ? await readConstant(reader, key, { tensors, numbers }, attribute, output)
        : undefined;
      if (constant) constants.push(constant);
    });
  }
  const call = wanted(operator) && {
    operator,
    inputs: await readNames(reader, inputs),
    output,
    integers: integers.size > 0 ? integers : NONE,
  };
  return { name: name || type, constants, subgraphs, ...(call && { call }), arguments: tensorArguments };
}

async function readNames(reader: ProtobufReader, fields: readonly Field[]): Promise<string[]> {
  const names: string[] = [];
  for (const field of fields) names.push(await reader.text(field, MAX_NAME_BYTES));
  return names;
}

interface Attribute {
  readonly name: string;
  readonly integer: number | undefined;
  readonly tensors: readonly Field[];
  /** Floats and integers, one or a list, by AttributeProto's field. */
  readonly numbers: ReadonlyMap<number, SegmentCollector>;
  readonly graphs: readonly Field[];
}

/** An AttributeProto. @throws CheckpointError `malformed`, `truncated`, `limit` */
export async function readAttribute(reader: ProtobufReader, span: Field): Promise<Attribute> {
  reader.expectWire(span, WIRE.bytes);
  let name = '';
  let integer: number | undefined;
  const [tensors, graphs]: [Field[], Field[]] = [[], []];
  const numbers = new Map<number, SegmentCollector>();
  await reader.walk(span, async (field) => {
    if (field.number === 1) name = await reader.text(field, MAX_NAME_BYTES);
    else if ([5, 6, 10, 11].includes(field.number)) {
      reader.expectWire(field, WIRE.bytes);
      const parts = field.number === 5 || field.number === 10 ? tensors : graphs;
      if (parts.length >= MAX_PARTS) {
        const what = parts === graphs ? 'subgraphs' : 'tensors';
        throw reader.error('limit', `has a node with more than ${MAX_PARTS} ${what}`, field.offset);
      }
      parts.push(field);
    } else if ([2, 3, 7, 8].includes(field.number)) {
      if (field.number === 3 && field.wire === WIRE.varint) integer = (field.high | 0) * 2 ** 32 + field.low;
      const encoding = field.number === 2 || field.number === 7 ? 'fixed32' : 'varint';
      let collector = numbers.get(field.number);
      if (!collector) numbers.set(field.number, (collector = new SegmentCollector(encoding, reader)));
      collector.add(field);
    }
  });
  return { name, integer, tensors, numbers, graphs };
}

/** The value that attribute `key` gives to a Constant node, or undefined where it is no value. */
async function readConstant(
  reader: ProtobufReader,
  key: string,
  { tensors: [tensor, second], numbers }: Pick<Attribute, 'tensors' | 'numbers'>,
  span: Field,
  name: string,
): Promise<OnnxTensor | undefined> {
  if (second) throw reader.malformed('repeats the tensor of an attribute', second.offset);
  if (key === 'value' && tensor) return readTensor(reader, tensor, name);
  const unreadable = UNREADABLE.get(key);
  const kind = NUMBERS.get(key);
  reader.subject = name;
  try {
    if (unreadable) throw reader.error('unsupported', unreadable, span.offset);
    const collector = kind && numbers.get(kind.field);
    if (!collector) return undefined;
    const count = await countNumbers(reader, collector);
    if (!kind.list && count !== 1) throw reader.malformed(`has ${count} values in ${key}`, span.offset);
    const byteLength = count * elementSize(kind.dtype);
    const data = numbersAt(reader, collector, kind.dtype, byteLength, span.offset);
    const shape = kind.list ? [count] : [];
    return { name, shape, dtype: kind.dtype, byteLength, data, offset: span.offset };
  } finally {
    reader.subject = undefined;
  }
}

/** Numbers in a repeated field: an attribute's list has no other record of its length. */
async function countNumbers(reader: ProtobufReader, { encoding, segments }: SegmentCollector): Promise<number> {
  let count = 0;
  for (const { start, end, packed } of segments) {
    if (packed && encoding === 'fixed32') {
      if ((end - start) % 4 !== 0) throw reader.malformed(`has ${end - start} bytes of 4-byte numbers`, start);
      count += (end - start) / 4;
    } else if (packed) {
      reader.position = start;
      while (reader.position < end) {
        if (!reader.holdsVarint()) await reader.load();
        reader.varint(end);
        count++;
      }
    } else {
      await reader.walk({ start, end }, () => {
        count++;
      });
    }
  }
  return count;
}
