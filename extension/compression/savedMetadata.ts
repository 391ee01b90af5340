/**
 * The metadata of a saved copy: the source's own, with what programs need to load it and with what would otherwise no
 * longer be true.
 *
 * @see https://github.com/huggingface/transformers src/transformers/modeling_utils.py (`load_state_dict`: refuses
 *   metadata whose `format` is none of these)
 * @see https://huggingface.co/docs/transformers/big_models (`total_size`, `total_parameters` of an index of shards)
 */
import type { Checkpoint } from '../checkpoint/checkpoint';
import { NOTE_KEY } from '../shared/compression/savedNote';
import { product } from '../shared/matrixAxes';
import { byteLength, type HeaderEntry } from './safetensorsLayout';
import { isStored } from './storageNotes';

/** Values of `format` that loaders know. */
const LOADED_FORMATS: ReadonlySet<string> = new Set(['pt', 'tf', 'flax', 'mlx', 'np', 'paddle']);

/** `format` as PyTorch's own writer has it. */
export const PYTORCH_FORMAT = { format: 'pt' } as const;

/**
 * @param entries all tensors of the copy
 * @param note stored as JSON under the key `eigenscope`; an earlier note of that key goes into its `previous`
 */
export function savedMetadata(
  checkpoint: Checkpoint,
  entries: readonly HeaderEntry[],
  note: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const { metadata } = checkpoint;
  const earlier = metadata[NOTE_KEY];
  const whole = earlier === undefined ? note : { ...note, previous: parsedNote(earlier) };
  return { ...metadata, ...formatOf(checkpoint), ...totals(checkpoint, entries), [NOTE_KEY]: JSON.stringify(whole) };
}

/** The source's own where it is one that loaders know. Another format's word of that name is kept as `source_format`. */
function formatOf({ metadata, format, tensors }: Checkpoint): Record<string, string> {
  const own = metadata.format;
  if (own !== undefined && LOADED_FORMATS.has(own)) return {};
  const isTensorflow = tensors.length > 0 && tensors.every(({ kernelLayout }) => kernelLayout === '…IO');
  const written = !isTensorflow ? PYTORCH_FORMAT.format : format === 'flax' ? 'flax' : 'tf';
  return { format: written, ...(own !== undefined && { source_format: own }) };
}

/** An index of shards says how large they are all together. */
function totals({ metadata, tensors }: Checkpoint, entries: readonly HeaderEntry[]): Record<string, string> {
  const changed: Record<string, string> = {};
  if (metadata.total_size !== undefined) {
    changed.total_size = String(entries.reduce((sum, entry) => sum + byteLength(entry), 0));
  }
  const parameters = Number(metadata.total_parameters);
  if (metadata.total_parameters !== undefined && Number.isSafeInteger(parameters)) {
    // By the difference: what writers count for a quantised weight is their own affair.
    const stored = new Set(tensors.map(({ name }) => name));
    const written = new Set(entries.map(({ name }) => name));
    const added = entries.filter(({ name }) => !stored.has(name));
    const gone = tensors.filter((tensor) => isStored(tensor) && !written.has(tensor.name));
    const count = (list: readonly Pick<HeaderEntry, 'shape'>[]): number =>
      list.reduce((sum, { shape }) => sum + product(shape), 0);
    changed.total_parameters = String(parameters + count(added) - count(gone));
  }
  return changed;
}

/** An earlier note as an object where it is one of ours, else as the text it is. */
function parsedNote(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
