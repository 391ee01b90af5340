/** One panel of the Householder reduction to band form: the last rows of a symmetric matrix, from the last row upwards. */
import { applyReflector, reflector } from './reflector';

/**
 * Row k of the `count` × `width` block left of the diagonal block is reduced to columns width − count + k … width − 1;
 * the reflector that does it is applied to the rows above. Row k then holds its reflector in columns 0 … pivot − 1 (1
 * at the pivot is implied), the rest of the matrix behind the pivot, and at the pivot `betas[k]` belongs.
 *
 * @param stride bytes between rows
 * @param scratch room for `count` numbers
 * @param negligible squared norm below which the part of a row left of its pivot is dropped
 */
export function reduceBandPanel(
  a: usize,
  stride: usize,
  count: i32,
  width: i32,
  betas: usize,
  scales: usize,
  scratch: usize,
  negligible: f64,
): void {
  for (let k = count - 1; k >= 0; k--) {
    const row = a + <usize>k * stride;
    const pivot = width - count + k;
    const beta = betas + ((<usize>k) << 3);
    const scale = scales + ((<usize>k) << 3);
    if (pivot < 0) {
      store<f64>(beta, 0);
      store<f64>(scale, 0);
      continue;
    }
    reflector(row, pivot, row + ((<usize>pivot) << 3), beta, scale, negligible);
    const tau = load<f64>(scale);
    if (tau == 0) continue;
    applyReflector(a, stride, k, row, tau, pivot + 1, scratch);
  }
}
