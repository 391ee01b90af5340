/** What onnxruntime computes: the independent reference for weights that its operators decode. */
import type { Message } from './checkpoints/onnxWriter';
import { bytesField, float32, graph, runnableModel, tensor, TYPE, valueInfo } from './checkpoints/onnxWriter';

/**
 * The values of one output of a model without inputs.
 *
 * @param type TensorProto.DataType of the output
 */
export async function onnxruntimeOutput(
  { nodes, initializers }: { nodes: readonly Message[]; initializers: readonly Message[] },
  name: string,
  type: number = TYPE.FLOAT,
): Promise<ArrayLike<number>> {
  const { InferenceSession } = await import('onnxruntime-node');
  const bytes = runnableModel(graph({ nodes, initializers, extra: [bytesField(12, valueInfo(name, type))] }));
  // Optimisers would replace the operators by others.
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 });
  try {
    return (await session.run({}))[name]!.data as Exclude<ArrayLike<number>, string>;
  } finally {
    await session.release();
  }
}

/** The unit matrix of `size` rows: multiplied with a weight, an operator gives the weight. */
export function unitMatrix(name: string, size: number): Message {
  const values = Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
  return tensor(name, [size, size], TYPE.FLOAT, bytesField(9, float32(...values)));
}

export function unitCodes(name: string, dims: readonly number[], size: number): Message {
  const values = Uint8Array.from({ length: size * size }, (_, i) => Number(i % (size + 1) === 0));
  return tensor(name, dims, TYPE.UINT8, bytesField(9, values));
}

/** Integers of `bits` each, the lowest bits of the first one first. */
export function packed(values: readonly number[], bits: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((values.length * bits) / 8));
  values.forEach((value, i) => {
    for (let bit = 0; bit < bits; bit++) {
      const at = i * bits + bit;
      bytes[at >> 3]! |= ((value >> bit) & 1) << (at & 7);
    }
  });
  return bytes;
}

export function rawTensor(name: string, dims: readonly number[], type: number, bytes: Uint8Array): Message {
  return tensor(name, dims, type, bytesField(9, bytes));
}

export function scalesTensor(name: string, dims: readonly number[], values: readonly number[]): Message {
  return rawTensor(name, dims, TYPE.FLOAT, float32(...values));
}
