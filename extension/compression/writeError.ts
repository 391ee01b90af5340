/** The system's refusals to write, in words a person can act on. */
import path from 'node:path';
import { CompressionError, type CompressionErrorCode } from './compressionError';

const REFUSALS: readonly { errno: string[]; code: CompressionErrorCode; says: (folder: string) => string }[] = [
  {
    errno: ['ENOSPC', 'EDQUOT'],
    code: 'no-space',
    says: (folder) => `the disk (or your share of it) that holds ${folder} is full; free space there or save elsewhere`,
  },
  {
    errno: ['EFBIG'],
    code: 'no-space',
    says: (folder) =>
      `${folder} takes no file this large (the file system's or the process's limit); save elsewhere or raise the limit`,
  },
  {
    errno: ['EACCES', 'EPERM', 'EROFS'],
    code: 'read-only',
    says: (folder) => `${folder} may not be written to; change its permissions or save elsewhere`,
  },
  { errno: ['ENOENT'], code: 'no-folder', says: (folder) => `the folder ${folder} does not exist` },
  { errno: ['ENOTDIR'], code: 'no-folder', says: (folder) => `${folder} is no folder; choose another place` },
  {
    errno: ['EEXIST', 'ENOTEMPTY'],
    code: 'target-exists',
    says: () => 'was created by somebody else meanwhile; choose another name or save again to replace it',
  },
  { errno: ['EISDIR'], code: 'not-a-file', says: () => 'is a folder; choose a file name' },
  {
    errno: ['ENAMETOOLONG'],
    code: 'io',
    says: () => 'has a name longer than the file system takes; choose a shorter one',
  },
];

/**
 * A system error met while writing `target`, as a CompressionError; any other error (one of our own, an abort, a
 * failure to read the source) is returned as it is.
 */
export function writeError(error: unknown, target: string): unknown {
  if (!(error instanceof Error) || error instanceof CompressionError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // Only the system's own errors carry a system call; a CheckpointError's or an abort's code means something else.
  if (code === undefined || syscall === undefined) return error;
  const where = { file: target, cause: error };
  const refusal = REFUSALS.find(({ errno }) => errno.includes(code));
  if (refusal) return new CompressionError(refusal.code, refusal.says(path.dirname(target)), where);
  return new CompressionError('io', `could not be written (${error.message}); nothing was replaced`, where);
}
