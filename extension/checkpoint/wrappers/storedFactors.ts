/** Which stored tensors are parts of a matrix that is only shown: of LoRA's ΔW, of a weight that was saved compressed. */
import type { TensorInfo } from '../checkpoint';

/** From the names of stored parts to the matrix that they are added to or stand for. */
export function storedFactors(tensors: readonly TensorInfo[]): Map<string, string> {
  return new Map(
    tensors.flatMap(({ name, product, madeOf }) => {
      const parts = product ? [product.left.tensor, product.right.tensor] : (madeOf ?? []);
      return parts.map((part): [string, string] => [part.name, name]);
    }),
  );
}
