/** The base that an initial adapter leaves over: W without it. */
import type { ProductPart } from '../../shared/compression/parts';
import { productPart } from '../parts/product';
import type { AdapterBase, LayerMatrix, MethodTools } from './method';

export function residualBase(matrix: LayerMatrix, adapter: ProductPart, { kernels, poll }: MethodTools): AdapterBase {
  const negative = { ...adapter, left: adapter.left.map((value) => -value) };
  const w = matrix.w.slice();
  productPart.addTo(w, negative, matrix, kernels, () => poll(1));
  return { w, stored: 'here' };
}
