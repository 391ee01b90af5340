/** Finds the folder in which the terminal keeps results of earlier runs. */
import path from 'node:path';

/**
 * `EIGENSCOPE_CACHE_DIR`, else the user's cache folder as the platform has it. Undefined where no variable names one by
 * an absolute path: a relative one would be another folder for each working folder.
 *
 * @param environment variables; empty ones count as not set
 * @param home the person's home folder, perhaps empty
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cacheFolder(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
  home: string,
): string | undefined {
  const paths = platform === 'win32' ? path.win32 : path.posix;
  const { EIGENSCOPE_CACHE_DIR: chosen, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  if (chosen) return paths.resolve(chosen);
  const base = (...parts: string[]): string | undefined =>
    paths.isAbsolute(parts[0]!) ? paths.join(...parts) : undefined;
  if (platform === 'win32') return base(local ?? '', 'eigenscope', 'Cache') ?? base(home, '.cache', 'eigenscope');
  if (platform === 'darwin') return base(home, 'Library', 'Caches', 'eigenscope');
  return base(xdg ?? '', 'eigenscope', 'results') ?? base(home, '.cache', 'eigenscope', 'results');
}
