/** What the fuzzer runs on each damaged checkpoint, and what may come of it. */
import { type Checkpoint, type TensorInfo } from '../../extension/checkpoint/checkpoint';
import { CheckpointError } from '../../extension/checkpoint/checkpointError';
import type { Random } from './random';

/** Tensors read of each checkpoint that opens. */
const TENSORS_READ = 3;

/** Rows are read in bands of at most this much, as the engine does. */
const MAX_BAND_BYTES = 8 * 1024 * 1024;

/** Everything was read; something was told as a problem; nothing could be opened. */
export type Outcome = 'opened' | 'partial' | 'refused';

/** @throws whatever is not a CheckpointError: a fault */
export async function openAndRead(
  open: (path: string) => Promise<Checkpoint>,
  path: string,
  random: Random,
): Promise<Outcome> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await open(path);
  } catch (error) {
    return refusal(error);
  }
  try {
    const { tensors, problems } = checkpoint;
    let outcome: Outcome = problems.length === 0 ? 'opened' : 'partial';
    const placeless = problems.find(({ file }) => file === undefined);
    if (placeless) throw new Error(`a problem that names no file: ${placeless.message}`);
    for (let count = Math.min(TENSORS_READ, tensors.length); count > 0; count--) {
      const tensor = random.pick(tensors);
      try {
        await readBand(checkpoint, tensor, random);
      } catch (error) {
        refusal(error);
        outcome = 'partial';
      }
    }
    return outcome;
  } finally {
    await checkpoint.close();
  }
}

function refusal(error: unknown): 'refused' {
  if (!(error instanceof CheckpointError)) throw error;
  if (error.reason === '' || error.where.file === undefined) {
    throw new Error(`a CheckpointError that does not say what is wrong, or in which file: ${error.message}`, {
      cause: error,
    });
  }
  return 'refused';
}

async function readBand(checkpoint: Checkpoint, tensor: TensorInfo, random: Random): Promise<void> {
  const rows = tensor.shape[0] ?? 1;
  const rowBytes = rows === 0 ? 0 : tensor.byteLength / rows;
  if (rowBytes > MAX_BAND_BYTES) return;
  const height = rowBytes === 0 ? rows : Math.min(rows, Math.floor(MAX_BAND_BYTES / rowBytes));
  const start = random.below(rows - height + 1);
  const bytes = await checkpoint.read(tensor, { start, end: start + height });
  if (bytes.length !== height * rowBytes) {
    throw new Error(`read ${bytes.length} bytes of ${tensor.name}, ${height} rows of ${rowBytes} were asked for`);
  }
}
