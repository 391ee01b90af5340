/** The product of slices by onnxruntime: one run of the graph of `splitGraph.ts`. */
import type { Tensor } from 'onnxruntime-node';
import type { DeviceName } from '../../shared/devices';
import { loadOnnxruntime, openSession } from '../products/onnxSession';
import { BLOCK_DEPTH, SLICES, splitModel } from './splitGraph';
import type { SplitLevels, SplitProduct } from './splitGram';

/** @throws Error where the device cannot be opened or refuses a part of the graph */
export async function openSplitProduct(
  device: DeviceName,
): Promise<{ product: SplitProduct; release: () => Promise<void> }> {
  const onnxruntime = await loadOnnxruntime();
  const session = await openSession(splitModel(), device);
  const product: SplitProduct = async (x, y, blocks, m, n) => {
    const outputs = await session.run({
      X: new onnxruntime.Tensor('float32', x, [m, blocks, BLOCK_DEPTH]),
      Y: new onnxruntime.Tensor('float32', y, [n, blocks, BLOCK_DEPTH]),
    });
    return Array.from({ length: SLICES }, (_, level) => int32Output(outputs[`level${level}`])) as SplitLevels;
  };
  return { product, release: () => session.release() };
}

function int32Output(tensor: Tensor | undefined): Int32Array {
  if (!(tensor?.data instanceof Int32Array)) throw new Error('onnxruntime returned no whole numbers');
  return tensor.data;
}
