/** From the name of a compression method to what it does. */
import type { EigenOptions } from '../linalg/eigen/symmetricEigenvalues';
import type { Kernels } from '../linalg/kernels/kernels';
import type { CompressionPreview, MethodName, RankRequest, SaveRequest } from '../shared/compressions';
import { CompressionError } from './compressionError';
import { compressBySvd, type CompressedTensor, type CompressionInput } from './svdCompression';
import { previewSvd, type PreviewInput } from './svdPreview';

interface Method {
  /** Error, size and cost from the spectrum alone. @throws CompressionError `invalid-rank`, `not-finite` */
  preview: (input: PreviewInput, request: RankRequest) => CompressionPreview;
  /** The tensors that replace one. @throws CompressionError `invalid-rank`, `not-finite`, `unsupported`; AbortError */
  compress: (
    input: CompressionInput,
    request: RankRequest,
    output: SaveRequest['output'],
    options: EigenOptions & { kernels: Kernels },
  ) => CompressedTensor;
  /** It keeps leading singular directions of the matrix itself, which may be found before and handed to it. */
  takesDirections: boolean;
}

const METHODS: Readonly<Record<MethodName, Method>> = {
  svd: { preview: previewSvd, compress: compressBySvd, takesDirections: true },
};

/** @throws CompressionError `unknown-method` */
export function compressionMethod(name: string): Method {
  if (Object.hasOwn(METHODS, name)) return METHODS[name as MethodName];
  const known = Object.keys(METHODS).join(', ');
  throw new CompressionError('unknown-method', `there is no compression method "${name}"; choose one of: ${known}`);
}
