/** One layer of an open checkpoint, and the error that a request about it answers. */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { compressionMatrix } from '../../compression/compressionMatrix';
import type { Problem } from '../../shared/tensors';
import type { LayerGeometry } from '../../spectral/matrices';

export interface EngineLayer {
  tensor: TensorInfo;
  /** Absent for a tensor without a spectrum. */
  geometry?: LayerGeometry;
  noSpectrum?: string;
  /** Set for a part: the whole layer's name. */
  partOf?: string;
}

/** Rows and columns of the matrix that ranks and compression of a layer are about. */
export function rankMatrix({ tensor, geometry }: EngineLayer): { rows: number; cols: number } {
  const { rows, cols } = compressionMatrix(tensor.shape, tensor.kernelLayout, geometry?.expert);
  return { rows, cols };
}

/** A request that does not fit what is open. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  constructor(
    readonly code:
      'unknown-layer' | 'unknown-document' | 'no-spectrum' | 'incomplete' | 'own-numbers' | 'out-of-range' | 'limit',
    message: string,
  ) {
    super(message);
  }

  toProblem(): Problem {
    return { code: this.code, message: this.message };
  }
}
