/** From any file of a TensorFlow checkpoint to its index. */
import path from 'node:path';
import { TENSORFLOW_DATA, TENSORFLOW_INDEX } from '../../shared/names/checkpointNames';
import { CheckpointError } from '../checkpointError';
import type { FileSet } from '../files/fileSet';
import { siblingPath } from '../files/siblingPath';
import { looksLikeOldCheckpoint } from './tensorBundleIndex';

const LATEST_KEY = 'model_checkpoint_path:';

/** A text of the text format of protobuf: the path of a checkpoint without an ending. */
const LATEST_PATH = /^[ \t]*model_checkpoint_path:[ \t]*"((?:[^"\\\n]|\\.)*)"/m;

/** Two lines, or a few hundred where all checkpoints of a training are kept; the one that counts comes first. */
const LATEST_BYTES = 65_536;

/** What the names of a checkpoint's files begin with, where this is one of its data files. */
export function dataFilePrefix(file: string): string | undefined {
  const name = path.basename(file);
  return TENSORFLOW_DATA.test(name) ? name.replace(TENSORFLOW_DATA, '') : undefined;
}

export function looksLikeLatest(head: Uint8Array): boolean {
  return Buffer.from(head).toString('latin1').trimStart().startsWith(LATEST_KEY);
}

/**
 * The index that belongs to an index, a data file, or the file `checkpoint`.
 *
 * @throws CheckpointError `missing-shard` where it is not there; `malformed` where `checkpoint` names none;
 *   `unsupported` where it is a checkpoint in one file
 */
export async function resolveIndex(file: string, files: FileSet, signal?: AbortSignal): Promise<string> {
  const folder = path.dirname(file);
  const prefix = dataFilePrefix(file);
  if (prefix !== undefined) return existing(path.join(folder, prefix + TENSORFLOW_INDEX), file, files);
  const head = await files.use(file, (reader) => reader.read(0, Math.min(reader.size, LATEST_BYTES), signal));
  if (looksLikeOldCheckpoint(head)) {
    throw new CheckpointError('unsupported', 'is a checkpoint of TensorFlow from before its version 1.0', {
      file,
      remedy: 'restore it with tf.compat.v1.train.Saver and save it again',
    });
  }
  if (!looksLikeLatest(head)) return file;
  const [, written] = LATEST_PATH.exec(Buffer.from(head).toString('utf8')) ?? [];
  if (written === undefined) {
    throw new CheckpointError('malformed', `names no checkpoint behind "${LATEST_KEY}"`, { file, offset: 0 });
  }
  // An absolute path is that of the machine which trained: what it names lies beside the file, wherever that is now.
  const name = unescaped(written).replace(/^(\/|[a-z]:[\\/]).*[\\/]/i, '');
  const index = siblingPath(folder, name + TENSORFLOW_INDEX);
  if (index === undefined) {
    const message = `names the checkpoint ${JSON.stringify(name)}, which does not lie beside it and is not opened`;
    throw new CheckpointError('malformed', message, { file, offset: 0, remedy: 'open the checkpoint itself' });
  }
  return existing(index, file, files);
}

/** Backslashes before quotes and backslashes; other escapes stand for bytes that no usual name has. */
function unescaped(text: string): string {
  return text.replace(/\\(["'\\])/g, '$1');
}

async function existing(index: string, from: string, files: FileSet): Promise<string> {
  try {
    await files.use(index, () => Promise.resolve());
    return index;
  } catch (error) {
    if (!(error instanceof CheckpointError) || error.code !== 'not-found') throw error;
    const message = `the index ${path.basename(index)} that belongs to it is missing`;
    throw new CheckpointError('missing-shard', message, {
      file: from,
      cause: error,
      remedy: 'put it beside this file',
    });
  }
}
