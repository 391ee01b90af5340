/** What a saved file says of itself, under the metadata key `eigenscope`. */
import path from 'node:path';
import type { SaveRequest } from '../shared/compressions';
import type { CompressedTensor } from './pairCompression';
import type { FactorLayout } from './factorLayout';

/** The origin of a saved file. */
export interface NoteOrigin {
  /** Path of the compressed checkpoint; only the file name is kept. */
  readonly source: string;
  /** Version of this program. */
  readonly version: string;
  readonly date: Date;
}

/**
 * The note of one compression: all that is needed to know what was done to which file, and, for factors, how to put
 * the weight together again (W = A·B of the two in `product`, the one that is `transposed` first turned) and what loads
 * them.
 */
export function compressionNote(
  request: Pick<SaveRequest, 'layer' | 'method' | 'output'>,
  compressed: Pick<CompressedTensor, 'rank' | 'relative_error' | 'measured_error' | 'factors'> & {
    layout?: Pick<FactorLayout, 'bias'>;
    modules?: string;
  },
  { source, version, date }: NoteOrigin,
): Record<string, unknown> {
  const { factors, layout, modules } = compressed;
  return {
    version,
    source: path.basename(source),
    layer: request.layer,
    method: request.method,
    output: request.output,
    rank: compressed.rank,
    relative_error: compressed.relative_error,
    measured_error: compressed.measured_error,
    ...(factors && {
      weight: {
        product: [factors.left, factors.right],
        ...(factors.transposed !== undefined && { transposed: factors.transposed }),
        ...(layout?.bias && { bias: layout.bias.to }),
        ...(modules !== undefined && { modules }),
      },
    }),
    date: date.toISOString(),
  };
}

/** The note of several layers: theirs under `layers`, without what is the same for all. */
export function severalNote(
  notes: readonly Record<string, unknown>[],
  { source, version, date }: NoteOrigin,
): Record<string, unknown> {
  const layers = notes.map(({ version: _, source: __, date: ___, ...own }) => own);
  return { version, source: path.basename(source), layers, date: date.toISOString() };
}
