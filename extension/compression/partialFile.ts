/** Names of the partial files a save writes to, and the removal of those that a killed save left behind. */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';

/** A running save writes all the time; nothing is written to a partial file for an hour unless its save is dead. */
const OLD_AFTER_MS = 60 * 60 * 1000;

/** Most file systems take names of 255 bytes; what is appended takes 35. */
const MAX_BASE_BYTES = 200;

/** `<target>.eigenscope-<16 random hex digits>.partial`, in the target's folder. */
export function newPartialName(target: string): string {
  return path.join(path.dirname(target), `${partialPrefix(target)}${randomBytes(8).toString('hex')}.partial`);
}

/** Partial files of interrupted saves to this very target, whatever their age. */
export async function partialsOf(target: string): Promise<string[]> {
  const prefix = partialPrefix(target);
  const names = await readdir(path.dirname(target)).catch(() => []);
  return names
    .filter((name) => name.startsWith(prefix) && /^[0-9a-f]{16}\.partial$/.test(name.slice(prefix.length)))
    .map((name) => path.join(path.dirname(target), name));
}

/**
 * Removes partial files of this target that are certainly ours (by their exact name) and old. Failing to is no reason
 * not to save: they only take space.
 */
export async function removeOldPartials(target: string, now = Date.now()): Promise<void> {
  for (const partial of await partialsOf(target)) {
    const stats = await lstat(partial).catch(() => undefined);
    if (stats?.isFile() && now - stats.mtimeMs > OLD_AFTER_MS) await unlink(partial).catch(() => undefined);
  }
}

function partialPrefix(target: string): string {
  const base = path.basename(target);
  const short =
    Buffer.byteLength(base) <= MAX_BASE_BYTES ? base : createHash('sha256').update(base).digest('hex').slice(0, 32);
  return `${short}.eigenscope-`;
}
