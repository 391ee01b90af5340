/** Checkpoints of one format in a test's folder, opened, and closed when the suite ends. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Checkpoint, type CheckpointFormat } from '../../../extension/checkpoint/checkpoint';
import { CheckpointError } from '../../../extension/checkpoint/checkpointError';
import { temporaryFolder } from '../temporaryFolder';

export interface FormatFolder {
  /** Writes a file and says where. */
  readonly write: (bytes: Buffer, name?: string) => string;
  readonly open: (bytes: Buffer, name?: string) => Promise<Checkpoint>;
  /** The error that opening gives. @throws where it opens */
  readonly refusal: (bytes: Buffer, name?: string) => Promise<CheckpointError>;
}

/** Call inside `describe`. @param usualName of a file where a test does not name it */
export function formatFolder(format: CheckpointFormat, usualName: string): FormatFolder {
  const folder = temporaryFolder();
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));

  const write = (bytes: Buffer, name = usualName): string => {
    const file = path.join(folder, name);
    writeFileSync(file, bytes);
    return file;
  };
  const open = async (bytes: Buffer, name?: string): Promise<Checkpoint> => {
    const checkpoint = await format.open(write(bytes, name));
    opened.push(checkpoint);
    return checkpoint;
  };
  const refusal = async (bytes: Buffer, name?: string): Promise<CheckpointError> => {
    try {
      await open(bytes, name);
    } catch (error) {
      if (error instanceof CheckpointError) return error;
      throw error;
    }
    throw new Error('it opened');
  };
  return { write, open, refusal };
}
