/** Checkpoints in a test's folder, opened, and closed when the suite ends. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { CheckpointError, type Checkpoint } from '../../extension/checkpoint/checkpoint';
import { pytorchFormat } from '../../extension/checkpoint/pytorch';
import { temporaryFolder } from './temporaryFolder';
import { torchRecords, zip } from './zipWriter';

export interface TorchFolder {
  /** Writes a file and says where. */
  readonly write: (bytes: Buffer, name?: string) => string;
  readonly open: (bytes: Buffer, name?: string) => Promise<Checkpoint>;
  /** The error that opening gives. @throws where it opens */
  readonly refusal: (bytes: Buffer) => Promise<CheckpointError>;
}

/** Call inside `describe`. */
export function torchFolder(): TorchFolder {
  const folder = temporaryFolder();
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));

  const write = (bytes: Buffer, name = 'made.pt'): string => {
    const file = path.join(folder, name);
    writeFileSync(file, bytes);
    return file;
  };
  const open = async (bytes: Buffer, name?: string): Promise<Checkpoint> => {
    const checkpoint = await pytorchFormat.open(write(bytes, name));
    opened.push(checkpoint);
    return checkpoint;
  };
  const refusal = async (bytes: Buffer): Promise<CheckpointError> => {
    try {
      await open(bytes);
    } catch (error) {
      if (error instanceof CheckpointError) return error;
      throw error;
    }
    throw new Error('it opened');
  };
  return { write, open, refusal };
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
