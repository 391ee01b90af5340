/** Products for the compression of a layer: onnxruntime's, if it is here and the layer is large enough to gain from them. */
import type { MatrixProducts } from '../../linalg/products/productTypes';
import { WORKER_SIDE } from '../layer/layerProgress';
import type { ComputingParts } from './requestParts';

/** @returns undefined where a worker's own kernels do as well */
export async function hostedProducts(
  { hardware }: Pick<ComputingParts, 'hardware'>,
  { rows, cols }: { rows: number; cols: number },
): Promise<MatrixProducts | undefined> {
  if (Math.min(rows, cols) <= WORKER_SIDE) return undefined;
  const products = await hardware.products();
  // Without onnxruntime, products on the main thread would only keep it from answering.
  return products.device.provider === 'cpu' ? products : undefined;
}
