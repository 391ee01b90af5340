/** From the kind of a part to what it can do. */
import type { Part, PartKind } from '../../shared/compression/parts';
import type { FloatDType } from '../narrow';
import { columnsPart } from './columns';
import { curPart } from './cur';
import { dctPart } from './dct';
import { dictionaryPart } from './dictionary';
import type { MatrixSize, PartOperations, StoredPart } from './part';
import { productPart } from './product';
import { quantisedPart } from './quantised';
import { sparsePart } from './sparse';
import { tensorTrainPart } from './tensorTrain';

type PartOf<K extends PartKind> = Extract<Part, { kind: K }>;

export const PARTS: { readonly [K in PartKind]: PartOperations<PartOf<K>> } = {
  product: productPart,
  quantised: quantisedPart,
  columns: columnsPart,
  sparse: sparsePart,
  dct: dctPart,
  'tensor-train': tensorTrainPart,
  dictionary: dictionaryPart,
  cur: curPart,
};

export function partOperations<P extends Part>(kind: P['kind']): PartOperations<P> {
  return PARTS[kind] as unknown as PartOperations<P>;
}

/** @see PartOperations.store */
export function storePart(part: Part, size: MatrixSize, dtype: FloatDType): StoredPart<Part> {
  return partOperations(part.kind).store(part, size, dtype);
}
