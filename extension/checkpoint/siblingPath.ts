/** Names of further files inside a checkpoint's header (shards, external data): data that must not lead elsewhere. */
import path from 'node:path';

/**
 * The file `name` in `folder` or below it, or undefined where the name is absolute, climbs out with `..`, or is not a
 * portable file name. Symbolic links are followed on purpose: download caches consist of them.
 */
export function siblingPath(folder: string, name: string): string | undefined {
  // A backslash is a separator on Windows only, a colon there names a drive or a stream, control characters (Cc) are
  // in no file's name: none occurs in real checkpoints.
  if (name === '' || name.startsWith('/') || /[\\:\p{Cc}]/u.test(name) || name.split('/').includes('..')) {
    return undefined;
  }
  const resolved = path.resolve(folder, name);
  return resolved === path.resolve(folder) ? undefined : resolved;
}
