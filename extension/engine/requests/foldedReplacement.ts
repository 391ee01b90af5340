/**
 * Saving a compressed layer whose tensor has more axes than its matrix: the file keeps the tensor's own shape and the order
 * of its elements, so that the program that wrote it loads it.
 */
import type { TensorInfo } from '../../checkpoint/checkpoint';
import { elementSize } from '../../checkpoint/elements/dtype';
import { unfolded } from '../../checkpoint/wrappers/foldedTensor';
import { CompressionError } from '../../compression/compressionError';
import type { CompressedTensor } from '../../compression/pairCompression';
import type { TensorPatch } from '../../compression/copiedTensor';
import { product, isInOrder } from '../../shared/matrixAxes';

/** @throws CompressionError `unsupported` for factors of a folded tensor: their axes would not be those its program expects */
export function assertNotFolded({ folded }: TensorInfo, layer: string): void {
  if (!folded) return;
  const shape = folded.of.shape.join('×');
  const message =
    `its matrix is made of the axes of a tensor ${shape}, which two factors would lose; ` +
    'save the reconstructed matrix instead';
  throw new CompressionError('unsupported', message, { layer });
}

/** The compressed layer as it replaces the stored tensor, or its part of it. @param expert index of a stack's matrix */
export function inStoredForm(compressed: CompressedTensor, { folded }: TensorInfo, expert?: number): CompressedTensor {
  if (!folded) return compressed;
  const { of, axes } = folded;
  const { replacement } = compressed;
  if (expert === undefined) {
    const [tensor] = replacement as Exclude<CompressedTensor['replacement'], TensorPatch>;
    const stored = { ...tensor!, shape: of.shape, bytes: unfolded(tensor!.bytes, folded) };
    return { ...compressed, replacement: [stored] };
  }
  const { offset, bytes } = replacement as TensorPatch;
  if (isInOrder(axes)) return { ...compressed, replacement: { offset, bytes } };
  // Stacks of other orders are along the first axis: one position of it is a tensor of its own.
  const one = { ...of, shape: [1, ...of.shape.slice(1)] };
  const size = product(one.shape) * elementSize(of.dtype);
  return { ...compressed, replacement: { offset: expert * size, bytes: unfolded(bytes, { of: one, axes }) } };
}
