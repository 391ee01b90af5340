/** The bias that a method adds to a layer's outputs, as a tensor: together with the one that the layer has. */
import type { Model } from '../../checkpoint/openModel';
import { widen } from '../../checkpoint/elements/dtype';
import { CompressionError } from '../compressionError';
import { isFloatDType, narrow } from '../narrow';
import type { NewTensor } from '../safetensorsWriter';
import type { SavedWeight } from './writer';

/** What a weight's bias is called, be there one or not. */
export function biasName({ tensor: { name }, factors }: Pick<SavedWeight, 'tensor' | 'factors'>): string {
  const end = /(^|[./])(weight|kernel|embeddings?)(:\d+)?$/.exec(name);
  return factors?.bias?.from ?? (end ? `${name.slice(0, end.index)}${end[1]!}bias${end[3] ?? ''}` : `${name}.bias`);
}

/**
 * Under the name of the layer's bias; it replaces one that is there.
 *
 * @param bias one number for each output
 * @throws CompressionError `unsupported`, CheckpointError, AbortError
 */
export async function addedBias(
  checkpoint: Model,
  weight: SavedWeight,
  bias: Float64Array,
  signal: AbortSignal,
): Promise<{ tensor: NewTensor; replaces: readonly string[] }> {
  const name = biasName(weight);
  const own = checkpoint.tensors.find((tensor) => tensor.name === name);
  if (!own) {
    const { bytes } = narrow(bias, weight.dtype);
    return { tensor: { name, dtype: weight.dtype, shape: [bias.length], bytes }, replaces: [] };
  }
  const { dtype, shape } = own;
  if (!isFloatDType(dtype) || shape.length !== 1 || shape[0] !== bias.length) {
    const message = `the method adds ${bias.length} numbers to its bias, but ${name} is ${dtype} [${shape.join(', ')}]; choose another method`;
    throw new CompressionError('unsupported', message, { layer: weight.layer });
  }
  const sum = new Float64Array(bias.length);
  widen(await checkpoint.read(own, undefined, signal), dtype, sum);
  for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + bias[i]!;
  return { tensor: { name, dtype, shape, bytes: narrow(sum, dtype).bytes }, replaces: [name] };
}
