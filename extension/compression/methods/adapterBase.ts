/** The base that an adapter is added to. */
import type { ProductPart } from '../../shared/compression/parts';
import { negative, partOperations, storePart } from '../parts/registry';
import type { AdapterBase, LayerMatrix, MethodResult, MethodTools } from './method';

/** What an initial adapter leaves over: W without it. */
export function residualBase(matrix: LayerMatrix, adapter: ProductPart, { kernels, poll }: MethodTools): AdapterBase {
  const w = matrix.w.slice();
  partOperations(adapter.kind).addTo(w, negative(adapter), matrix, kernels, () => poll(1));
  return { w, stored: 'here' };
}

/**
 * A result whose base is a matrix of plain numbers: parts other than the adapter, such as quantised blocks, are decoded into
 * it. Programs that load an adapter know no other base.
 */
export function withPlainBase(result: MethodResult, matrix: LayerMatrix, { kernels, poll }: MethodTools): MethodResult {
  const others = result.parts.filter(({ kind }) => kind !== 'product');
  if (result.base || others.length === 0) return result;
  const w = new Float64Array(matrix.w.length);
  for (const other of others) {
    // Codes and scales as they would be stored.
    const { part } = storePart(other, matrix, 'F64');
    partOperations(part.kind).addTo(w, part, matrix, kernels, poll);
  }
  return { ...result, parts: result.parts.filter(({ kind }) => kind === 'product'), base: { w, stored: 'here' } };
}
