/** From the name of a compression method to what it does. `shared/compression/methodTable.ts` describes them. */
import type { MethodName } from '../../shared/compression/methodTable';
import { CompressionError } from '../compressionError';
import type { LayerMethod } from './method';
import { svd } from './svd';

export const METHODS: Readonly<Partial<Record<MethodName, LayerMethod>>> = {
  svd,
};

/** @throws CompressionError `unknown-method` */
export function methodNamed(name: string): LayerMethod {
  const method = Object.hasOwn(METHODS, name) ? METHODS[name as MethodName] : undefined;
  if (method) return method;
  const known = Object.keys(METHODS).join(', ');
  throw new CompressionError('unknown-method', `there is no compression method "${name}"; choose one of: ${known}`);
}
