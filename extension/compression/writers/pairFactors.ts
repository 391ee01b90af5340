/** The two factors of a weight as PyTorch's modules hold them. */
import type { ProductPart } from '../../shared/compression/parts';
import { CompressionError } from '../compressionError';
import type { StoredLayer } from '../compressMatrix';
import { transposed } from '../layerElements';
import { narrow } from '../narrow';
import type { StoredPart } from '../parts/part';
import type { NewTensor } from '../safetensorsWriter';
import type { SavedWeight } from './writer';

type Factor = Omit<NewTensor, 'name'>;

export interface PairFactors {
  readonly rank: number;
  /** out × rank; of a convolution with kernels of 1. */
  readonly left: Factor;
  /** rank × in; of a convolution with the kernels. */
  readonly right: Factor;
}

/**
 * Factors of W = left · right, out × in.
 *
 * @throws CompressionError `unsupported` if there are other parts
 */
export function pairFactors({ layer, tensor, matrix, outputs }: SavedWeight, stored: StoredLayer): PairFactors {
  const product = productOf(stored);
  if (!product || stored.parts.length !== 1) {
    throw new CompressionError('unsupported', 'the method did not make two factors; save it as safetensors', { layer });
  }
  const { rank } = product.part;
  const [left, right] = (['left', 'right'] as const).map((field) => {
    const { dtype, shape, bytes } = product.fields.find((each) => each.field === field)!;
    return { dtype: dtype, shape, bytes };
  });
  if (matrix.kind !== 'conv') return { rank, left: left!, right: right! };
  const ones = tensor.shape.slice(2).map(() => 1);
  return {
    rank,
    left: { ...left!, shape: [outputs, rank, ...ones] },
    right: { ...right!, shape: [rank, ...tensor.shape.slice(1)] },
  };
}

/** The product among a layer's parts, if there is one. */
export function productOf({ parts }: Pick<StoredLayer, 'parts'>): StoredPart<ProductPart> | undefined {
  return parts.find((each): each is StoredPart<ProductPart> => each.part.kind === 'product');
}

/**
 * Factors of the table of an embedding, which is Wᵀ: one row for each word, in × rank, and rank × out.
 *
 * @throws as `pairFactors`
 */
export function tableFactors(weight: SavedWeight, stored: StoredLayer): { table: Factor; width: Factor } {
  const { rank } = pairFactors(weight, stored);
  const { left, right } = productOf(stored)!.part;
  const { outputs, inputs, dtype } = weight;
  // Both were rounded to the dtype, so that nothing is lost here.
  return {
    table: { dtype, shape: [inputs, rank], bytes: narrow(transposed(right, rank, inputs), dtype).bytes },
    width: { dtype, shape: [rank, outputs], bytes: narrow(transposed(left, outputs, rank), dtype).bytes },
  };
}
