/** Folders of files that PyTorch wrote (`torchFolderFixtures.py`), and what PyTorch reads from them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fixtures } from '../../unit/checkpoint/pytorch/torchFolderFixtures.json';

export interface TorchFolder {
  readonly files: Readonly<Record<string, string>>;
  readonly tensors: Readonly<Record<string, { shape: number[]; dtype: string; bytes: string }>>;
}

/** By name, as the script calls them. */
export const torchFolders = fixtures as unknown as Readonly<Record<string, TorchFolder>>;

/** Writes a fixture's files into a folder, which is made. */
export function layTorchFolder(name: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(torchFolders[name]!.files)) {
    writeFileSync(path.join(folder, file), Buffer.from(content, 'base64'));
  }
}
