/** From the name of a compression method to what it does. `shared/compression/methodTable.ts` describes them. */
import type { MethodName } from '../../shared/compression/methodTable';
import { CompressionError } from '../compressionError';
import { cospadi } from './cospadi';
import { cur } from './cur';
import { dct } from './dct';
import { gear } from './gear';
import { loftq } from './loftq';
import { lost } from './lost';
import { lqLora } from './lqLora';
import type { LayerMethod } from './method';
import { olora } from './olora';
import { pissa } from './pissa';
import { quantise } from './quantise';
import { robust } from './robust';
import { svd } from './svd';
import { tensorTrain } from './tensorTrain';

export const METHODS: Readonly<Partial<Record<MethodName, LayerMethod>>> = {
  svd,
  lost,
  gear,
  'lq-lora': lqLora,
  pissa,
  olora,
  loftq,
  dct,
  'tensor-train': tensorTrain,
  quantise,
  cospadi,
  robust,
  cur,
};

/** @throws CompressionError `unknown-method` */
export function methodNamed(name: string): LayerMethod {
  const method = Object.hasOwn(METHODS, name) ? METHODS[name as MethodName] : undefined;
  if (method) return method;
  const known = Object.keys(METHODS).join(', ');
  throw new CompressionError('unknown-method', `there is no compression method "${name}"; choose one of: ${known}`);
}
