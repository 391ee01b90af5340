/** From the name of a compression method to what it does. `shared/compression/methodTable.ts` describes them. */
import type { MethodName } from '../../shared/compression/methodTable';
import { CompressionError } from '../compressionError';
import { afm } from './afm';
import { asvd } from './asvd';
import { cospadi } from './cospadi';
import { cur } from './cur';
import { dct } from './dct';
import { eora } from './eora';
import { fwsvd } from './fwsvd';
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
import { svdLlm } from './svdLlm';
import { tensorTrain } from './tensorTrain';

export const METHODS: Readonly<Record<MethodName, LayerMethod>> = {
  svd,
  fwsvd,
  asvd,
  'svd-llm': svdLlm,
  afm,
  lost,
  gear,
  'lq-lora': lqLora,
  eora,
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
