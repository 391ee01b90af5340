/**
 * The layout `dense`: what a compressed weight stands for, multiplied out under its own name and shape. Every program
 * loads it; nothing becomes smaller before it is quantised (for denoising as LASER does it, and for llama.cpp).
 */
import { unfolded } from '../../checkpoint/wrappers/foldedTensor';
import { CompressionError } from '../compressionError';
import type { FloatDType } from '../narrow';
import type { HeaderEntry } from '../safetensorsLayout';
import type { NewTensor } from '../safetensorsWriter';
import { savedMetadata } from '../savedMetadata';
import { addedBias, biasName } from './addedBias';
import { paddedGroup } from './groupTensors';
import { configChanges, copiedFiles } from './modelFiles';
import { modelTensors } from './modelTensors';
import { safetensorsFiles } from './safetensorsFiles';
import { patchedStack, stacksOf } from './stacks';
import type { Layout, SavedWeight, SaveJob } from './writer';

export const denseLayout: Layout = {
  prepare: (job) => {
    for (const weight of job.weights) assertHeld(weight, job);
    const stacks = stacksOf(job.weights);
    return Promise.resolve({
      form: 'product',
      notes: () => [
        'Weights are saved at their full size: the copy saves nothing before it is quantised, and computes as much.',
      ],
      replace: async (weight, stored, signal) => {
        const { dtype, bytes } = stored.product!;
        const { form, lying } = inStoredForm(weight, dtype, bytes);
        const names = [form.name, ...weight.twins];
        const tensors: NewTensor[] = names.map((name) => ({ ...form, name, dtype, bytes: lying }));
        const bias = stored.bias && (await addedBias(job.checkpoint, weight, stored.bias, signal));
        return {
          tensors: bias ? [...tensors, bias.tensor] : tensors,
          drops: [weight.tensor.name, ...weight.twins, ...(bias?.replaces ?? [])],
        };
      },
      replaceGroup: paddedGroup,
      files: async (pieces) => {
        // Experts are read from their pieces into the stack.
        const listed = pieces.map((piece, index) =>
          job.weights[index]?.expert === undefined ? piece : { ...piece, tensors: [] },
        );
        const tensors = modelTensors(job, listed, (replaced) => {
          const compressed = stacks.get(replaced.name);
          return compressed ? patchedStack(job.checkpoint, replaced, compressed) : [];
        });
        const metadata = savedMetadata(job.checkpoint, tensors, job.note);
        return [
          ...(await copiedFiles(job.checkpoint, configChanges(pieces))),
          ...safetensorsFiles({ stem: 'model', tensors, metadata, shardBytes: job.shardBytes }),
        ];
      },
    });
  },
};

/** @throws CompressionError `unsupported` */
function assertHeld(weight: SavedWeight, { checkpoint }: SaveJob): void {
  const { layer, expert, dtype, tensor, choice } = weight;
  const refuse = (reason: string): never => {
    throw new CompressionError('unsupported', reason, { layer });
  };
  if (choice.method === 'afm') {
    const name = biasName(weight);
    const hasBias = checkpoint.tensors.some((other) => other.name === name);
    if (expert !== undefined || !hasBias) {
      refuse(
        'the method afm adds a bias, and the layer has none to add it to; save it as huggingface, or choose another method',
      );
    }
  }
  if (expert !== undefined && dtype !== tensor.dtype) {
    refuse(
      `is one of a stack of ${tensor.dtype}, so it cannot be saved as ${dtype}; keep the type, or save it as safetensors`,
    );
  }
}

/** The tensor as the checkpoint stores it; of an expert, one of the stack. */
function inStoredForm(
  { layer, tensor, expert }: SavedWeight,
  dtype: FloatDType,
  bytes: Uint8Array,
): { form: Pick<HeaderEntry, 'name' | 'shape'>; lying: Uint8Array } {
  const { folded } = tensor;
  // In the type that it is saved in, which may be another one than it had.
  const of = { ...(folded?.of ?? tensor), dtype };
  if (expert === undefined) {
    return {
      form: { name: of.name, shape: of.shape },
      lying: folded ? unfolded(bytes, { of, axes: folded.axes }) : bytes,
    };
  }
  // Stacks are along the first axis: one position of it is a tensor of its own.
  const one = { ...of, shape: [1, ...of.shape.slice(1)] };
  const lying = folded ? unfolded(bytes, { of: one, axes: folded.axes }) : bytes;
  return { form: { name: layer, shape: one.shape }, lying };
}
