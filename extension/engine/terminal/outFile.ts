/** The file that `--out` means. */
import { stat } from 'node:fs/promises';
import path from 'node:path';

/** @param name of the file in a folder */
export async function outFile(out: string, name: string): Promise<string> {
  const isFolder = /[\\/]$/.test(out) || (await stat(out).catch(() => undefined))?.isDirectory();
  return path.resolve(isFolder ? path.join(out, name) : out);
}
