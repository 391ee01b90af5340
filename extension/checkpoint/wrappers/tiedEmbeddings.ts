/**
 * Output matrices that are the input embedding, stored once more: PyTorch and ONNX tell tensors on the same bytes by
 * themselves, but copies in a safetensors file are only known by what they hold and by what the model's configuration says.
 */
import { type Checkpoint, type TensorInfo } from '../checkpoint';
import { CheckpointError } from '../checkpointError';
import { isInputEmbedding, isOutputMatrix } from './embeddingNames';
import { wrapCheckpoint } from '../wrappedCheckpoint';

/** Rows that are compared, evenly spaced: those of two trained matrices differ in every one. */
const COMPARED_ROWS = 64;

/**
 * The checkpoint with such copies marked (`sharedWith`). Only for models whose configuration ties the two, or leaves
 * that open: equal tensors of other models may be trained apart.
 *
 * @throws DOMException `AbortError` when `signal` fires
 */
export async function withTiedEmbeddings(stored: Checkpoint, signal?: AbortSignal): Promise<Checkpoint> {
  const named = (is: (name: string) => boolean): TensorInfo[] =>
    stored.tensors.filter(({ name, shape, unreadable, sharedWith }) => {
      return is(name) && shape.length === 2 && unreadable === undefined && sharedWith === undefined;
    });
  const [embedding, ...others] = named(isInputEmbedding);
  const copies = new Set<TensorInfo>();
  for (const tensor of embedding ? [...others, ...named(isOutputMatrix)] : []) {
    if (await areCopies(stored, embedding!, tensor, signal)) copies.add(tensor);
  }
  if (copies.size === 0) return stored;
  const tensors = stored.tensors.map((tensor) =>
    copies.has(tensor) ? { ...tensor, sharedWith: embedding!.name } : tensor,
  );
  return wrapCheckpoint(stored, { tensors });
}

/**
 * True if the output matrix is the embedding: a copy of it, the same bytes, or not stored at all.
 *
 * @param declared the model's configuration says so
 */
export function outputIsTied({ format, tensors }: Pick<Checkpoint, 'format' | 'tensors'>, declared: boolean): boolean {
  const output = tensors.find(({ name }) => isOutputMatrix(name));
  if (output) return output.sharedWith !== undefined && isInputEmbedding(output.sharedWith);
  // llama.cpp takes the embedding where there is no output matrix; models that make no words have no last norm.
  const makesWords = declared || (format === 'gguf' && tensors.some(({ name }) => name === 'output_norm.weight'));
  return makesWords && tensors.some(({ name }) => isInputEmbedding(name));
}

async function areCopies(checkpoint: Checkpoint, a: TensorInfo, b: TensorInfo, signal?: AbortSignal): Promise<boolean> {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  const rows = a.shape[0]!;
  const compared = Math.min(rows, COMPARED_ROWS);
  try {
    for (let i = 0; i < compared; i++) {
      const start = compared < 2 ? 0 : Math.floor((i * (rows - 1)) / (compared - 1));
      const row = { start, end: start + 1 };
      const [ours, theirs] = [await checkpoint.read(a, row, signal), await checkpoint.read(b, row, signal)];
      if (!Buffer.from(ours.buffer, ours.byteOffset, ours.length).equals(theirs)) return false;
    }
  } catch (error) {
    // A caller that wants their elements gets the error then.
    if (error instanceof CheckpointError) return false;
    throw error;
  }
  return true;
}
