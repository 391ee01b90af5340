/** NumPy files of inputs, and the outputs that onnxruntime makes of them. */
import path from 'node:path';
import { FileReader } from '../../../extension/checkpoint/files/fileReader';
import { readTree } from '../../../extension/checkpoint/onnx/onnxTree';
import { atEndOf, bytesOf, nested, rewritten, text } from '../../../extension/compression/writers/onnx/protobufRewrite';
import { concat } from '../checkpoints/onnxWriter';
import { zip } from '../checkpoints/zipWriter';

export interface InputArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array;
}

const TYPES = { Float32Array: '<f4', Float64Array: '<f8', BigInt64Array: '<i8', Int32Array: '<i4' } as const;

/** @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
export function npy({ shape, data }: InputArray): Uint8Array {
  const type = TYPES[data.constructor.name as keyof typeof TYPES];
  const sizes = shape.map((size) => `${size},`).join(' ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const header = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const length = new Uint8Array(Uint16Array.of(header.length).buffer);
  const magic = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'), 1, 0);
  const elements = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return concat(magic, length, new TextEncoder().encode(header), elements);
}

export function npz(arrays: Readonly<Record<string, InputArray>>): Uint8Array {
  return zip(Object.entries(arrays).map(([name, array]) => ({ name: `${name}.npy`, bytes: Buffer.from(npy(array)) })));
}

/** A value of the main graph, which need not be one of its outputs. */
export async function runModel(
  file: string,
  inputs: Readonly<Record<string, InputArray>>,
  value: string,
): Promise<Float32Array> {
  const reader = await FileReader.open(file);
  const { graph } = await readTree(reader);
  const shown = graph.outputs.some(({ name }) => name === value);
  const changes = shown ? [] : [atEndOf(graph.path, nested(12, ...text(1, value)))];
  const bytes = await bytesOf(rewritten(reader.size, changes), reader);
  await reader.close();
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const beside = { model_external_initializers_file_folder_path: path.dirname(file) };
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, extra: { session: beside } });
  try {
    const feeds = Object.entries(inputs).map(([name, { shape, data }]) => {
      if (!(data instanceof Float32Array)) throw new TypeError(`${name} is no float32`);
      return [name, new Tensor('float32', data, shape)] as const;
    });
    const outputs = await session.run(Object.fromEntries(feeds), [value]);
    return outputs[value]!.data as Float32Array;
  } finally {
    await session.release();
  }
}
