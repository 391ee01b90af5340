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

/** Parts can only be added: the same one with the other sign. */
export function negative(part: Part): Part {
  const turned = (x: Float64Array): Float64Array => x.map((value) => -value);
  switch (part.kind) {
    case 'product':
      return { ...part, left: turned(part.left) };
    case 'quantised':
      return { ...part, scales: turned(part.scales) };
    case 'columns':
    case 'sparse':
      return { ...part, values: turned(part.values) };
    default:
      throw new Error(`parts of the kind ${part.kind} cannot be subtracted`);
  }
}
