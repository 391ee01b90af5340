/**
 * True shapes of tensors that ComfyUI's converter stored in another one: rows of convolutions are no multiple of ggml's
 * blocks, so that it folds them, and tells the shape in the metadata under `comfy.gguf.orig_shape.<tensor>`.
 *
 * @see https://github.com/city96/ComfyUI-GGUF (`loader.py`, `get_orig_shape`)
 */
import { product } from '../../shared/matrixAxes';
import type { GgufTensor } from './ggufTensor';
import { elementCount } from '../elements/shape';

export const SHAPE_PREFIX = 'comfy.gguf.orig_shape.';

/** The tensor in its true shape. One whose metadata contradict it is listed as stored, and says why it is not read. */
export function withTrueShape(tensor: GgufTensor, metadata: ReadonlyMap<string, string>): GgufTensor {
  const text = metadata.get(SHAPE_PREFIX + tensor.name);
  if (text === undefined) return tensor;
  const shape = sizesOf(text);
  const stored = product(tensor.shape);
  if (shape && elementCount(shape) === stored) return { ...tensor, shape };
  const why = shape
    ? `its metadata give it the shape [${shape.join(', ')}], which has not the ${stored} elements that are stored`
    : `its metadata give it a shape that is no list of sizes (${text.slice(0, 100)})`;
  return { ...tensor, unreadable: tensor.unreadable ?? why };
}

/** Sizes of an array as `readValue` writes it, in PyTorch's order; undefined for anything else. */
function sizesOf(text: string): number[] | undefined {
  if (!/^\[\d[\d, ]*\]$/.test(text)) return undefined;
  const sizes = text.slice(1, -1).split(', ').map(Number);
  return typeof elementCount(sizes) === 'number' ? sizes : undefined;
}
