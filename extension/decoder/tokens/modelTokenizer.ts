/** The tokenizer that belongs to a checkpoint: a GGUF's own, else that of the checkpoint's folder. */
import type { Checkpoint } from '../../checkpoint/checkpoint';
import { CheckpointError } from '../../checkpoint/checkpointError';
import { folderOf } from '../../checkpoint/files/siblingPath';
import { folderTokenizer } from './folderTokenizer';
import { ggufTokenizer } from './ggufTokenizer';
import type { TextTokenizer } from './textTokenizer';

/** @throws CheckpointError as `ggufTokenizer` and `folderTokenizer` */
export async function modelTokenizer(
  checkpoint: Pick<Checkpoint, 'format' | 'path' | 'files'>,
  signal?: AbortSignal,
): Promise<TextTokenizer> {
  const [file] = checkpoint.files;
  if (checkpoint.format === 'gguf' && file !== undefined) {
    try {
      return await ggufTokenizer(file, signal);
    } catch (error) {
      // Programs that convert weights alone leave the vocabulary to the folder.
      if (!(error instanceof CheckpointError && error.code === 'not-found')) throw error;
    }
  }
  return folderTokenizer(folderOf(checkpoint), signal);
}
