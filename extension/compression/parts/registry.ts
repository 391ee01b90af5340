/** From the kind of a part to what it can do. */
import type { Part, PartKind } from '../../shared/compression/parts';
import { CompressionError } from '../compressionError';
import type { FloatDType } from '../narrow';
import type { MatrixSize, PartOperations, StoredPart } from './part';
import { columnsPart } from './columns';
import { productPart } from './product';
import { quantisedPart } from './quantised';
import { sparsePart } from './sparse';

type PartOf<K extends PartKind> = Extract<Part, { kind: K }>;

export const PARTS: { readonly [K in PartKind]?: PartOperations<PartOf<K>> } = {
  product: productPart,
  quantised: quantisedPart,
  columns: columnsPart,
  sparse: sparsePart,
};

/** @throws CompressionError `unsupported` for a kind that this version does not know */
export function partOperations<P extends Part>(kind: P['kind']): PartOperations<P> {
  const operations = Object.hasOwn(PARTS, kind) ? PARTS[kind] : undefined;
  if (!operations) throw new CompressionError('unsupported', `parts of the kind "${kind}" are not known here`);
  return operations as unknown as PartOperations<P>;
}

/** @see PartOperations.store */
export function storePart(part: Part, size: MatrixSize, dtype: FloatDType): StoredPart<Part> {
  return partOperations(part.kind).store(part, size, dtype);
}
