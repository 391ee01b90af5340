/**
 * The layout `safetensors`: the parts of every compressed weight as tensors, and a manifest in the metadata that says how
 * to add them up (`shared/compression/parts.ts`). It holds every method but those that make adapters. Every shard has the
 * whole manifest, so that whichever is read first is enough.
 */
import { layoutHolds } from '../../shared/compression/layoutMethods';
import type { Part, PartsManifest, PartsWeight } from '../../shared/compression/parts';
import { PARTS_KEY } from '../../shared/compression/parts';
import { isInOrder } from '../../shared/matrixAxes';
import { CompressionError } from '../compressionError';
import type { StoredPart } from '../parts/part';
import type { NewTensor } from '../safetensorsWriter';
import { savedMetadata } from '../savedMetadata';
import { addedBias } from './addedBias';
import { configChanges, copiedFiles } from './modelFiles';
import { modelTensors } from './modelTensors';
import { safetensorsFiles } from './safetensorsFiles';
import { keptExperts, stacksOf } from './stacks';
import type { JsonValue, Layout, SavedWeight } from './writer';

export const partsLayout: Layout = {
  prepare: (job) => {
    for (const weight of job.weights) assertHeld(weight);
    const stacks = stacksOf(job.weights);
    const cut = [...stacks.keys()];
    return Promise.resolve({
      form: 'parts',
      notes: () => [
        'The parts load with the reader that Eigenscope’s documentation shows, and with Eigenscope itself.',
        ...(cut.length > 0
          ? [`Experts of ${cut.length === 1 ? cut[0]! : `${cut.length} stacks`} are saved one by one, as name[index].`]
          : []),
      ],
      replace: async (weight, stored, signal) => {
        const { tensors, entry } = partTensors(weight, stored.parts);
        const bias = stored.bias && (await addedBias(job.checkpoint, weight, stored.bias, signal));
        return {
          tensors: bias ? [...tensors, bias.tensor] : tensors,
          drops: [weight.tensor.name, ...weight.twins, ...(bias?.replaces ?? [])],
          record: (bias ? { ...entry, bias: bias.tensor.name } : entry) as unknown as JsonValue,
        };
      },
      files: async (pieces) => {
        const weights = job.weights.flatMap((weight, index) =>
          [weight.layer, ...weight.twins].map(
            (name) => [name, pieces[index]!.record as unknown as PartsWeight] as const,
          ),
        );
        const manifest: PartsManifest = { version: 1, weights: Object.fromEntries(weights) };
        const tensors = modelTensors(job, pieces, (replaced) => {
          const compressed = stacks.get(replaced.name);
          return compressed ? keptExperts(job.checkpoint, replaced, compressed) : [];
        });
        const metadata = { ...savedMetadata(job.checkpoint, tensors, job.note), [PARTS_KEY]: JSON.stringify(manifest) };
        return [
          ...(await copiedFiles(job.checkpoint, configChanges(pieces))),
          ...safetensorsFiles({ stem: 'model', tensors, metadata, shardBytes: job.shardBytes }),
        ];
      },
    });
  },
};

/** @throws CompressionError `unsupported` */
function assertHeld({ layer, choice, tensor }: SavedWeight): void {
  const name = choice.method;
  if (!layoutHolds('safetensors', name)) {
    throw new CompressionError(
      'unsupported',
      `the method ${name} makes an adapter, which is no sum of parts; save it as peft, or as dense`,
      { layer },
    );
  }
  if (tensor.folded && !isInOrder(tensor.folded.axes)) {
    throw new CompressionError(
      'unsupported',
      `its matrix has the axes of the tensor ${tensor.folded.of.shape.join('×')} in another order, which parts do not tell; ` +
        'save it as dense',
      { layer },
    );
  }
}

/** Named `<weight>.<part><index>.<field>`; equal kinds are told apart by their index. */
function partTensors(
  weight: SavedWeight,
  parts: readonly StoredPart<Part>[],
): { tensors: NewTensor[]; entry: PartsWeight } {
  const { layer, tensor, expert, transposed } = weight;
  const tensors: NewTensor[] = [];
  const entries = parts.map(({ part: { kind }, fields, values }, index) => {
    const names: Record<string, string> = {};
    for (const { field, dtype, shape, bytes } of fields) {
      names[field] = `${layer}.${kind}${index}.${field}`;
      tensors.push({ name: names[field], dtype, shape, bytes });
    }
    return { kind, tensors: names, values };
  });
  const { shape } = tensor.folded?.of ?? tensor;
  const own = expert === undefined ? shape : shape.slice(1);
  return { tensors, entry: { shape: own, dtype: tensor.dtype, transposed, parts: entries } };
}
