/** The compression method that a request names. */
import { type CompressionMethod, compressionMethods } from '../shared/compressions';
import { CompressionError } from './compressionError';

/** @throws CompressionError `unknown-method` */
export function compressionMethod(name: string): CompressionMethod {
  const method = compressionMethods.find((candidate) => candidate.name === name);
  if (!method) {
    const known = compressionMethods.map((candidate) => candidate.name).join(', ');
    throw new CompressionError('unknown-method', `there is no compression method "${name}"; choose one of: ${known}`);
  }
  return method;
}
