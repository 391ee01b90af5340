/** From the kind of a part to what reads it back. */
import type { PartKind } from '../../shared/compression/parts';
import { columns } from './columns';
import { cur } from './cur';
import { dct } from './dct';
import { dictionary } from './dictionary';
import type { PartDecoder } from './partReader';
import { product } from './product';
import { quantised } from './quantised';
import { sparse } from './sparse';
import { tensorTrain } from './tensorTrain';

export const DECODERS: Readonly<Record<PartKind, PartDecoder>> = {
  product,
  quantised,
  columns,
  sparse,
  dct,
  'tensor-train': tensorTrain,
  dictionary,
  cur,
};
