/** PyTorch checkpoints in a test's folder. */
import { type Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { CheckpointError } from '../../../extension/checkpoint/checkpointError';
import { pytorchFormat } from '../../../extension/checkpoint/pytorch/pytorch';
import { formatFolder, type FormatFolder } from './formatFolder';
import { torchRecords, zip } from './zipWriter';

/** Call inside `describe`. */
export function torchFolder(): FormatFolder {
  return formatFolder(pytorchFormat, 'made.pt');
}

/** A `torch.save` archive. */
export function torchZip(pickled: Buffer, storages: Readonly<Record<string, Buffer>>): Buffer {
  return zip(torchRecords(pickled, storages));
}

/** The code of the error that reading gives, `read` where it gives none. */
export async function codeOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof CheckpointError) return error.code;
    throw error;
  }
  return 'read';
}

export function namesOf(checkpoint: Checkpoint): string[] {
  return checkpoint.tensors.map(({ name }) => name);
}

/** A tensor's bytes. */
export async function readHex(
  checkpoint: Checkpoint,
  name: string,
  rows?: { start: number; end: number },
): Promise<string> {
  const tensor = checkpoint.tensors.find((candidate) => candidate.name === name)!;
  return Buffer.from(await checkpoint.read(tensor, rows)).toString('hex');
}
