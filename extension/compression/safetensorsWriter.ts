/**
 * A copy of a checkpoint, in safetensors, in which some tensors are replaced: every other tensor byte for byte (the
 * tensors it is stored in, where it is stored encoded), in the source's order. Copies in bands, so that the file may be
 * larger than the memory. `savedMetadata.ts` makes its metadata.
 */
import type { Checkpoint } from '../checkpoint/checkpoint';
import type { DType } from '../shared/tensors';
import type { Append } from './appender';
import { writeAtomically } from './atomicFile';
import { CompressionError } from './compressionError';
import { copiedTensor, type CopiedTensor, type TensorPatch } from './copiedTensor';
import { resolveTarget } from './saveTarget';
import { byteLength, layOut, type HeaderEntry } from './safetensorsLayout';
import { savedMetadata } from './savedMetadata';
import { assertReplaceable, isStored } from './storageNotes';

export interface NewTensor extends HeaderEntry {
  readonly dtype: DType;
  /** Little-endian, row-major. */
  readonly bytes: Uint8Array;
}

/** The old tensor, byte for byte, under another name. */
export interface Renamed {
  readonly to: string;
}

/** New tensors that stand where the old one stood, or a change to it. */
export type Replacement = readonly NewTensor[] | TensorPatch | { readonly patches: readonly TensorPatch[] } | Renamed;

export interface SaveOptions {
  target: string;
  /** Stored as JSON under the metadata key `eigenscope`; an earlier note of that key goes into its `previous`. */
  note: Readonly<Record<string, unknown>>;
  /** An existing target may be replaced; never one of the source's files. */
  overwrite?: boolean;
  signal?: AbortSignal;
  /** Share of the file's bytes written, in [0, 1]. */
  onProgress?: (fraction: number) => void;
}

/**
 * What can be told before a layer is factored, which may take minutes: that this checkpoint can be saved, and there.
 *
 * @throws CompressionError as `saveCheckpointWith` would, but for the space and the new tensors' names
 */
export async function assertSavable(
  checkpoint: Checkpoint,
  { target, overwrite }: Pick<SaveOptions, 'target' | 'overwrite'>,
): Promise<void> {
  assertComplete(checkpoint);
  layOut(planned(checkpoint, new Map()), checkpoint.metadata);
  await resolveTarget(target, {
    protect: checkpoint.files,
    ofModel: true,
    ...(overwrite !== undefined && { overwrite }),
  });
}

/**
 * Writes `checkpoint` with `replacements` (by tensor name) to a new safetensors file.
 *
 * @returns the file written and its size
 * @throws CompressionError before anything is written: `unsupported`, `name-collision`, `incomplete-source`,
 *   `unknown-layer` for a replacement of a tensor that is not there, and all of `writeAtomically`
 * @throws CheckpointError where the source cannot be read; DOMException `AbortError` when `signal` fires. The target
 *   is then as it was.
 */
export async function saveCheckpointWith(
  checkpoint: Checkpoint,
  replacements: ReadonlyMap<string, Replacement>,
  options: SaveOptions,
): Promise<{ path: string; bytes: number }> {
  const { signal, onProgress } = options;
  assertComplete(checkpoint);
  const entries = planned(checkpoint, replacements);
  const layout = layOut(entries, savedMetadata(checkpoint, entries, options.note));
  let done = 0;
  const path = await writeAtomically(
    options.target,
    {
      size: layout.fileBytes,
      protect: checkpoint.files,
      ofModel: true,
      ...(options.overwrite !== undefined && { overwrite: options.overwrite }),
      ...(signal && { signal }),
      verify: async (content) => {
        const header = new Uint8Array(layout.header.length);
        await content.read(header, 0, header.length, 0);
        if (Buffer.compare(header, layout.header) !== 0) {
          throw new CompressionError('verification', 'its header reads back differently; the disk may be failing', {
            file: options.target,
          });
        }
      },
    },
    async (append) => {
      const counted: Append = async (content) => {
        await append(content);
        done += content.length;
        onProgress?.(done / layout.fileBytes);
      };
      await counted(layout.header);
      for (const entry of layout.order) await entry.write(counted, signal);
    },
  );
  return { path, bytes: layout.fileBytes };
}

function planned(checkpoint: Checkpoint, replacements: ReadonlyMap<string, Replacement>): CopiedTensor[] {
  const names = new Set(checkpoint.tensors.map(({ name }) => name));
  for (const name of replacements.keys()) {
    if (!names.has(name))
      throw new CompressionError('unknown-layer', 'the checkpoint has no such tensor', { layer: name });
  }
  return checkpoint.tensors.filter(isStored).flatMap((tensor): readonly CopiedTensor[] => {
    const replacement = replacements.get(tensor.name);
    if (replacement) assertReplaceable(checkpoint, tensor);
    if (isNewTensors(replacement)) return replacement.map(plannedNew);
    const renamed = replacement && 'to' in replacement ? { name: replacement.to } : {};
    // What may be replaced is one part, or none.
    return copiedTensor(checkpoint, tensor, patchesOf(replacement)).map((copied) => ({ ...copied, ...renamed }));
  });
}

function isNewTensors(replacement: Replacement | undefined): replacement is readonly NewTensor[] {
  return Array.isArray(replacement);
}

function patchesOf(replacement: Replacement | undefined): readonly TensorPatch[] {
  if (!replacement || isNewTensors(replacement)) return [];
  if ('patches' in replacement) return replacement.patches;
  return 'offset' in replacement ? [replacement] : [];
}

function plannedNew(tensor: NewTensor): CopiedTensor {
  const { name, dtype, shape, bytes } = tensor;
  if (bytes.length !== byteLength(tensor)) {
    throw new RangeError(`${name}: ${bytes.length} bytes given for ${dtype} of shape [${shape.join(', ')}]`);
  }
  return { name, dtype, shape, write: (append) => append(bytes) };
}

/** Problems that are about no tensor, so that a copy of all tensors lacks nothing: objects a pickle names. */
const HARMLESS: ReadonlySet<string> = new Set(['unsupported', 'unsafe-pickle']);

/**
 * A copy that silently lacks what could not be read would look whole.
 *
 * @throws CompressionError `unsupported`, `incomplete-source`
 */
export function assertComplete(checkpoint: Checkpoint): void {
  const { path: file, unsavable } = checkpoint;
  if (unsavable !== undefined) {
    throw new CompressionError('unsupported', `${unsavable}: open the one that is to be saved compressed`, { file });
  }
  const lost = [
    ...checkpoint.problems.filter(({ code, tensor }) => tensor !== undefined || !HARMLESS.has(code)),
    ...checkpoint.tensors.flatMap((tensor) =>
      tensor.unreadable === undefined || checkpoint.storedParts?.(tensor)
        ? []
        : [{ message: `${tensor.name}: ${tensor.unreadable}` }],
    ),
  ];
  if (lost.length === 0) return;
  const shown = lost
    .slice(0, 3)
    .map(({ message }) => message)
    .join('; ');
  const more = lost.length > 3 ? `; and ${lost.length - 3} more` : '';
  throw new CompressionError(
    'incomplete-source',
    `this checkpoint is not whole, and a saved copy would hide that (${shown}${more}); repair it first`,
    { file: checkpoint.path },
  );
}
