/**
 * ONNX messages, written field by field. Field numbers are those of onnx.proto.
 *
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Field } from '../../../checkpoint/containers/protobufReader';
import type { FloatDType } from '../../narrow';
import { copied, integer, nested, text, type Stretch } from './protobufRewrite';

/** TensorProto.DataType of the types that operators multiply in. */
export const DATA_TYPES = { F32: 1, F16: 10, F64: 11, BF16: 16 } as const satisfies Partial<Record<FloatDType, number>>;

export type OnnxFloat = keyof typeof DATA_TYPES;

export function isOnnxFloat(dtype: string): dtype is OnnxFloat {
  return Object.hasOwn(DATA_TYPES, dtype);
}

/** Where the elements of a new tensor are. */
export type Elements =
  { readonly inline: Stretch } | { readonly location: string; readonly offset: number; readonly length: number };

export interface NewOnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: OnnxFloat;
  readonly elements: Elements;
}

/** The content of a TensorProto. */
export function tensorMessage({ name, shape, dtype, elements }: NewOnnxTensor): Stretch[] {
  const data =
    'inline' in elements
      ? nested(9, elements.inline)
      : [...externalEntries(elements.location, elements.offset, elements.length), ...integer(14, 1)];
  return [...shape.flatMap((size) => integer(1, size)), ...integer(2, DATA_TYPES[dtype]), ...text(8, name), ...data];
}

export function externalEntries(location: string, offset: number, length: number): Stretch[] {
  const entries = { location, offset: String(offset), length: String(length) };
  return Object.entries(entries).flatMap(([key, value]) => nested(13, ...text(1, key), ...text(2, value)));
}

/** The content of a ValueInfoProto. */
export function valueMessage({ name, shape, dtype }: Pick<NewOnnxTensor, 'name' | 'shape' | 'dtype'>): Stretch[] {
  const sizes = shape.flatMap((size) => nested(1, ...integer(1, size)));
  return [...text(1, name), ...nested(2, ...nested(1, ...integer(1, DATA_TYPES[dtype]), ...nested(2, ...sizes)))];
}

/** The name of a value alone: its type is found by whoever reads the graph. */
export function untypedValueMessage(name: string): Stretch[] {
  return text(1, name);
}

export interface NewNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly Stretch[];
  /** Fields of another node that this one takes over: attributes, metadata. */
  readonly taken?: readonly Field[];
}

/** The content of a NodeProto of ONNX's own operators. */
export function nodeMessage({ name, operator, inputs, outputs, attributes = [], taken = [] }: NewNode): Stretch[] {
  return [
    ...inputs.flatMap((input) => text(1, input)),
    ...outputs.flatMap((output) => text(2, output)),
    ...(name === '' ? [] : text(3, name)),
    ...text(4, operator),
    ...attributes,
    ...copied(taken),
  ];
}

/** A node that gives a stored tensor its name. */
export function constantMessage(tensor: NewOnnxTensor): Stretch[] {
  const attribute = [...text(1, 'value'), ...nested(5, ...tensorMessage(tensor)), ...integer(20, 4)];
  return nodeMessage({
    name: '',
    operator: 'Constant',
    inputs: [],
    outputs: [tensor.name],
    attributes: nested(5, ...attribute),
  });
}

/** An entry of the model's metadata. */
export function metadataField(key: string, value: string): Stretch[] {
  return nested(14, ...text(1, key), ...text(2, value));
}
