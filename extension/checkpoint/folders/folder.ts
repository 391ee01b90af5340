/** Finds the checkpoint in a folder, by the names that model repositories use. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { folderMeaning, LOOKED_FOR } from '../../shared/names/folderMeaning';
import { CheckpointError } from '../checkpointError';
import { deepspeedRefusal } from '../pytorch/deepspeed';
import { fileError } from '../files/fileReader';
import { snapshotOf } from './hubCache';
import { isOrbax, orbaxRefusal } from '../flax/orbax';
import { firstNames } from '../problemList';
import { l10n } from '../../shared/language/l10n';

/** Folders within one without a checkpoint that are looked into; a person reads the names of the first ten. */
const MAX_FOLDERS_WITHIN = 50;
const NAMES_SHOWN = 10;

export type FolderContent =
  /** One file, or an index of shards; names of the same weights in another format or variant. */
  | { readonly kind: 'file'; readonly path: string; readonly others: readonly string[] }
  /** Shards without an index: the names of all that their numbers promise. */
  | { readonly kind: 'shards'; readonly names: readonly string[] };

/**
 * @throws CheckpointError `not-found` where the folder holds no checkpoint, `ambiguous` where it holds several,
 *   `unsupported` for what Orbax or DeepSpeed wrote
 */
export async function findInFolder(folder: string): Promise<FolderContent> {
  const { files, folders } = await namesIn(folder);
  const found = contentOf(folder, files);
  if (found) return found;
  const within = await checkpointsWithin(folder, folders);
  if (within.length > 0) {
    const message = l10n.english(
      'holds no checkpoint itself, but folders with one ({0})',
      firstNames(within, NAMES_SHOWN),
    );
    throw new CheckpointError('not-found', message, { file: folder, remedy: l10n.english('open one of them') });
  }
  throw new CheckpointError('not-found', l10n.english('holds no checkpoint, looked for {0}', LOOKED_FOR.join(', ')), {
    file: folder,
    remedy: l10n.english('open the file itself if it has another name'),
  });
}

/** Undefined if the folder itself holds none. @throws CheckpointError `ambiguous`, `unsupported`, as `findInFolder` */
function contentOf(folder: string, names: readonly string[]): FolderContent | undefined {
  const meaning = folderMeaning(names);
  switch (meaning.kind) {
    case 'file':
      return { kind: 'file', path: path.join(folder, meaning.name), others: meaning.others };
    case 'shards':
      return meaning;
    case 'deepspeed':
      throw deepspeedRefusal(folder, names);
    case 'several': {
      const message = l10n.english('holds several checkpoints ({0})', firstNames(meaning.names, NAMES_SHOWN));
      throw new CheckpointError('ambiguous', message, { file: folder });
    }
    case 'none':
      if (names.some(isOrbax)) throw orbaxRefusal(folder);
      return undefined;
  }
}

/**
 * Names of the folders in this one that hold a checkpoint, or several: runs, steps of one run, models of a download cache.
 *
 * @throws CheckpointError `unsupported` where all that the first of them holds is Orbax's or DeepSpeed's
 */
async function checkpointsWithin(folder: string, folders: readonly string[]): Promise<string[]> {
  const within: string[] = [];
  let refused: CheckpointError | undefined;
  for (const name of folders.slice(0, MAX_FOLDERS_WITHIN)) {
    const inner = path.join(folder, name);
    try {
      const place = (await snapshotOf(inner)) ?? inner;
      if (contentOf(place, (await namesIn(place)).files)) within.push(name);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      if (error.code === 'ambiguous') within.push(name);
      // What cannot be listed holds nothing that could be opened either.
      if (error.code === 'unsupported') refused ??= error;
    }
  }
  if (within.length === 0 && refused) throw refused;
  return within;
}

/** What is no folder counts as a file: links, too. */
async function namesIn(folder: string): Promise<{ files: string[]; folders: string[] }> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const named = (isFolder: boolean): string[] =>
      entries.filter((entry) => entry.isDirectory() === isFolder).map(({ name }) => name);
    return { files: named(false), folders: named(true).sort() };
  } catch (error) {
    throw fileError(error, folder);
  }
}
