/** The compression methods: adding one is one file and one entry here. */
import { CompressionError } from './compressionError';

export interface CompressionMethod {
  /** Name in requests, metadata and the command line. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Calibration statistics it cannot do without, as named in a statistics file (`input_gram`, `fisher`, …). */
  readonly needs: readonly string[];
}

export const compressionMethods: readonly CompressionMethod[] = [
  {
    name: 'svd',
    label: 'Truncated SVD',
    description:
      'Keeps the largest singular directions, U_k√S_k · √S_k V_kᵀ: the smallest possible error at a rank when nothing ' +
      'is known of the inputs.',
    needs: [],
  },
];

/** @throws CompressionError `unknown-method` */
export function compressionMethod(name: string): CompressionMethod {
  const method = compressionMethods.find((candidate) => candidate.name === name);
  if (!method) {
    const known = compressionMethods.map((candidate) => candidate.name).join(', ');
    throw new CompressionError('unknown-method', `there is no compression method "${name}"; choose one of: ${known}`);
  }
  return method;
}
