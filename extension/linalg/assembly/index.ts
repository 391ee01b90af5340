/**
 * Entry of the WASM kernels (AssemblyScript). They work on float64 arrays at addresses that the caller lays out behind
 * `memoryStart`; they allocate nothing. Strides are in bytes and multiples of 16, as are the addresses.
 */
export { lowerProduct, fullProduct, packRows, packColumns } from './product';
export { reducePanel } from './tridiagonalise';
export { reduceBandPanel } from './bandPanel';
export { positivePivots } from './bandInertia';
export { chaseBand } from './bulgeChase';
export { applyReflectors } from './reflectors';
export {
  widenBF16,
  widenF16,
  widenF8_E4M3,
  widenF8_E5M2,
  widenF8_E4M3FNUZ,
  widenF8_E5M2FNUZ,
  widenF8_E8M0,
} from './widen';
export { moments } from './moments';

/** First address that is free for data. */
export function memoryStart(): usize {
  return __heap_base;
}
