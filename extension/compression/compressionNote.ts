/** What a saved file says of itself, under the metadata key `eigenscope`. */
import path from 'node:path';
import type { SaveRequest } from '../protocol';
import type { CompressedTensor } from './compressTensor';

/**
 * The note of one compression: all that is needed to know what was done to which file, and, for factors, how to put
 * the weight together again.
 *
 * @param source path of the compressed checkpoint; only the file name is kept
 * @param version of this program
 */
export function compressionNote(
  request: Pick<SaveRequest, 'layer' | 'method' | 'output'>,
  compressed: Pick<CompressedTensor, 'rank' | 'relative_error' | 'measured_error' | 'factors'>,
  { source, version, date }: { source: string; version: string; date: Date },
): Record<string, unknown> {
  const { factors } = compressed;
  return {
    version,
    source: path.basename(source),
    layer: request.layer,
    method: request.method,
    output: request.output,
    rank: compressed.rank,
    relative_error: compressed.relative_error,
    measured_error: compressed.measured_error,
    ...(factors && { weight: { product: [factors.left, factors.right] } }),
    date: date.toISOString(),
  };
}
