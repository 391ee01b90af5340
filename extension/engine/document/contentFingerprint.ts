/**
 * A hash that tells a model by its content: a plan made for one is refused for another, a fine-tuned sibling with the same
 * names and shapes included; a copy in another place, in other shards or under another name is the same model.
 *
 * It covers names, types and shapes of all tensors of the model, and a row in the middle of some of them. Those are chosen
 * by the hash of their names, so that every kind of layer has its share however the names repeat. At most some megabytes
 * are read, of a 70B model, too.
 */
import { createHash } from 'node:crypto';
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint';
import { concurrently } from '../../checkpoint/files/concurrently';
import { isSeekable, sampleFiles } from './contentProbe';

/** Raised if the same model gets another hash. */
const VERSION = 1;

/** Tensors of which a row is read. */
const SAMPLED = 256;

/** Rows of stacks are whole matrices: longer ones are not read. */
const MAX_ROW_BYTES = 256 * 1024;

/** Reads under way at one time: disks serve some together faster. */
const READS = 8;

/** @returns 64 hexadecimal digits @throws CheckpointError from reading; the signal's reason */
export async function contentFingerprint(checkpoint: Checkpoint, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const tensors = checkpoint.tensors.filter(
    ({ product, madeOf, notModel }) => !product && !madeOf && notModel === undefined,
  );
  hash.update(`eigenscope model ${VERSION}\n`);
  const lines = tensors.map(({ name, dtype, encoding, shape }) =>
    JSON.stringify([name, encoding?.name ?? dtype, ...shape]),
  );
  for (const line of lines.sort()) hash.update(`${line}\n`);
  for (const bytes of await samples(checkpoint, tensors, signal)) hash.update(bytes);
  return hash.digest('hex');
}

async function samples(
  checkpoint: Checkpoint,
  tensors: readonly TensorInfo[],
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  if (!isSeekable(checkpoint)) {
    signal.throwIfAborted();
    return [await sampleFiles(checkpoint.files.slice(0, checkpoint.weightFiles))];
  }
  const readable = tensors.filter(
    ({ unreadable, byteLength, shape }) =>
      unreadable === undefined && byteLength > 0 && byteLength / (shape[0] ?? 1) <= MAX_ROW_BYTES,
  );
  const chosen = readable
    .map((tensor) => ({ tensor, key: createHash('sha256').update(tensor.name).digest('hex') }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .slice(0, SAMPLED);
  return concurrently(chosen, READS, ({ tensor }) => {
    const row = (tensor.shape[0] ?? 1) >> 1;
    return checkpoint.read(tensor, { start: row, end: row + 1 }, signal);
  });
}
