/**
 * Hugging Face's download cache: `models--owner--name/` holds `blobs/`, the files by their hashes; `snapshots/<commit>/`,
 * a folder of links to them under their own names; and `refs/<branch>`, the commit that a branch was at.
 *
 * @see https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { CheckpointError } from '../checkpointError';
import { FileReader, fileError } from '../files/fileReader';
import { firstNames } from '../problemList';
import { siblingPath } from '../files/siblingPath';

const SNAPSHOTS = 'snapshots';
/** The branch that models are downloaded from unless one is named. */
const MAIN = path.join('refs', 'main');

/** A commit's hash has 40 characters. */
const MAX_REF_BYTES = 256;

/** Names listed where one of several is to be chosen. */
const NAMES_SHOWN = 10;

/**
 * The snapshot of a model's folder in the cache: the one that its main branch is at, or the only one. Undefined where
 * the folder is none of the cache.
 *
 * @throws CheckpointError `not-found` where it holds no snapshot, `ambiguous` where it holds several and does not say which
 */
export async function snapshotOf(folder: string): Promise<string | undefined> {
  const snapshots = path.join(folder, SNAPSHOTS);
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const has = (name: string): boolean => entries.some((entry) => entry.name === name && entry.isDirectory());
    if (!has(SNAPSHOTS) || !(has('refs') || has('blobs'))) return undefined;
    names = (await readdir(snapshots, { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    throw fileError(error, folder);
  }
  const main = await readRef(path.join(folder, MAIN));
  // Only what lies there: the reference is a name in a file, which must not lead elsewhere.
  const named = main !== undefined && names.includes(main) ? siblingPath(snapshots, main) : undefined;
  if (named !== undefined) return named;
  if (names.length === 1) return path.join(snapshots, names[0]!);
  if (names.length === 0) {
    const remedy = 'download the model, or open another folder';
    throw new CheckpointError('not-found', 'is a folder of the download cache without a snapshot', {
      file: folder,
      remedy,
    });
  }
  const shown = firstNames(names, NAMES_SHOWN);
  throw new CheckpointError('ambiguous', `holds several snapshots (${shown}), and ${MAIN} names none of them`, {
    file: folder,
  });
}

/** Undefined where there is no such reference. */
async function readRef(file: string): Promise<string | undefined> {
  try {
    const reader = await FileReader.open(file);
    try {
      const bytes = await reader.read(0, Math.min(reader.size, MAX_REF_BYTES));
      return Buffer.from(bytes.buffer).toString('latin1').trim();
    } finally {
      await reader.close();
    }
  } catch (error) {
    // What is no regular file is no reference either.
    if (error instanceof CheckpointError && (error.code === 'not-found' || error.code === 'unsupported')) {
      return undefined;
    }
    throw error;
  }
}
