/** Distributed checkpoints in folders of their own: written by PyTorch, or made of records and metadata. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Checkpoint } from '../../../extension/checkpoint/checkpoint';
import { CheckpointError } from '../../../extension/checkpoint/checkpointError';
import { openModel } from '../../../extension/checkpoint/openModel';
import { layTorchFolder, torchFolders } from './torchFolders';
import { temporaryFolder } from '../temporaryFolder';

export const expected = torchFolders.distributed!.tensors;
export const TYPES: Readonly<Record<string, string>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

/** For one `describe`: its checkpoints are closed after it. */
export function distributedFolders() {
  const root = temporaryFolder();
  const opened: Checkpoint[] = [];
  after(() => Promise.all(opened.map((checkpoint) => checkpoint.close())));
  let count = 0;
  const fresh = (): string => path.join(root, `checkpoint${count++}`);

  function laid(): string {
    const folder = fresh();
    layTorchFolder('distributed', folder);
    return folder;
  }

  async function open(target: string): Promise<Checkpoint> {
    const checkpoint = await openModel(target);
    opened.push(checkpoint);
    return checkpoint;
  }

  async function refusal(target: string): Promise<CheckpointError> {
    try {
      await open(target);
    } catch (error) {
      if (error instanceof CheckpointError) return error;
      throw error;
    }
    throw new Error('it opened');
  }

  const problemsOf = ({ problems }: Checkpoint): string[] =>
    problems.map(({ code, tensor }) => [code, tensor].filter(Boolean).join(' '));

  /** A folder of this metadata and, where there are any, records in `__0_0.distcp`. */
  async function made(metadata: Buffer, folder = fresh()): Promise<Checkpoint> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, '.metadata'), metadata);
    return open(path.join(folder, '.metadata'));
  }

  return { root, fresh, laid, open, refusal, problemsOf, made };
}
