/** Writes the picture of a plot. */
import { writeAtomically } from '../../compression/atomicFile';
import { CompressionError } from '../../compression/compressionError';

/**
 * @param target what ends as pictures do is no file of a model, and is replaced: the person was asked
 * @param protect files of the model
 * @throws CompressionError as `writeAtomically`; `not-a-file` for another ending
 */
export async function savePicture(
  target: string,
  bytes: Uint8Array,
  protect: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  if (!/\.(svg|png)$/i.test(target)) {
    throw new CompressionError('not-a-file', 'is no name of a picture; end it with .svg or .png', { file: target });
  }
  const options = { size: bytes.length, protect, overwrite: true, signal };
  return writeAtomically(target, options, (append) => append(bytes));
}
