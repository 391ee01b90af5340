/** Stacks of experts: one tensor of the checkpoint, whose matrices may be compressed one by one. */
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { CompressionError } from '../compressionError';
import { byteLength } from '../safetensorsLayout';
import type { WrittenTensor } from './modelTensors';
import type { SavedWeight } from './writer';

/** Rows of the stored tensor's first axis are experts, whatever order the rest has. */
function experts({ shape }: Pick<TensorInfo, 'shape'>): number {
  return shape[0]!;
}

/** By the stack's name: its compressed experts by their index. */
export function stacksOf(weights: readonly SavedWeight[]): Map<string, Map<number, SavedWeight>> {
  const stacks = new Map<string, Map<number, SavedWeight>>();
  for (const weight of weights) {
    if (weight.expert === undefined) continue;
    const stack = stacks.get(weight.tensor.name) ?? new Map<number, SavedWeight>();
    stacks.set(weight.tensor.name, stack.set(weight.expert, weight));
  }
  return stacks;
}

/** The experts that stay as they are, each as a tensor `stack[index]`. */
export function keptExperts(
  checkpoint: Checkpoint,
  stack: TensorInfo,
  compressed: ReadonlyMap<number, SavedWeight>,
): WrittenTensor[] {
  return Array.from({ length: experts(stack) }, (_, index) => index)
    .filter((index) => !compressed.has(index))
    .map((index) => ({
      ...{ name: `${stack.name}[${index}]`, dtype: stack.dtype, shape: stack.shape.slice(1) },
      write: async (append, _, signal) => append(await expertBytes(checkpoint, stack, index, signal)),
    }));
}

/** The whole stack: compressed experts from their pieces, which hold each as one tensor. */
export function patchedStack(
  checkpoint: Checkpoint,
  stack: TensorInfo,
  compressed: ReadonlyMap<number, SavedWeight>,
): WrittenTensor[] {
  const { name, dtype, shape } = stack;
  const from = [...compressed.values()].map(({ layer }) => layer);
  return [
    {
      ...{ name, dtype, shape, pieces: from },
      write: async (append, pieces, signal) => {
        for (let index = 0; index < experts(stack); index++) {
          const weight = compressed.get(index);
          await append(
            weight
              ? await pieces.read(weight.layer, weight.layer)
              : await expertBytes(checkpoint, stack, index, signal),
          );
        }
      },
    },
  ];
}

async function expertBytes(
  checkpoint: Checkpoint,
  stack: TensorInfo,
  index: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await checkpoint.read(stack, { start: index, end: index + 1 }, signal);
  const expected = byteLength({ ...stack, shape: stack.shape.slice(1) });
  if (bytes.length === expected) return bytes;
  throw new CompressionError('verification', `${bytes.length} bytes of expert ${index} were read, not ${expected}`, {
    layer: stack.name,
  });
}
