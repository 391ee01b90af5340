/**
 * One panel of the blocked Householder reduction to tridiagonal form, from the last row upwards.
 *
 * @see LAPACK dlatrd (its upper triangle by columns is our lower triangle by rows)
 */
import { reflector } from './reflector';
import { symmetricProduct } from './symmetricProduct';
import { addScaled, dot, dots, scale, subtractRows } from './vectors';

/**
 * Reduces rows last … first (downwards) of the matrix whose leading (last+1)×(last+1) lower triangle is at `a`. Row i
 * then holds the reflector v_i, and row i − first of `w` the vector w_i such that the leading `first` rows are to be updated
 * by −Σ v_i·w_iᵀ + w_i·v_iᵀ.
 *
 * @param d diagonal, @param e off-diagonal (e[i] between rows i and i+1), @param scales of the reflectors
 * @param scratch room for twice the panel's rows
 * @param negligible squared norm below which the part of a row left of its last element is dropped
 */
export function reducePanel(
  a: usize,
  stride: usize,
  first: i32,
  last: i32,
  w: usize,
  d: usize,
  e: usize,
  scales: usize,
  scratch: usize,
  negligible: f64,
): void {
  for (let i = last; i >= first; i--) {
    const row = a + <usize>i * stride;
    const wi = w + <usize>(i - first) * stride;
    const done = last - i;
    const laterV = row + stride;
    const laterW = wi + stride;
    const t1 = scratch;
    const t2 = scratch + ((<usize>done) << 3);
    if (done > 0) {
      for (let j = 0; j < done; j++) {
        const at = <usize>j * stride + ((<usize>i) << 3);
        store<f64>(t1 + ((<usize>j) << 3), load<f64>(laterW + at));
        store<f64>(t2 + ((<usize>j) << 3), load<f64>(laterV + at));
      }
      subtractRows(laterV, stride, done, t1, row, i + 1);
      subtractRows(laterW, stride, done, t2, row, i + 1);
    }
    store<f64>(d + ((<usize>i) << 3), load<f64>(row + ((<usize>i) << 3)));
    if (i == 0) break;

    const tip = row + ((<usize>(i - 1)) << 3);
    const scaleOf = scales + ((<usize>i) << 3);
    reflector(row, i - 1, tip, e + ((<usize>(i - 1)) << 3), scaleOf, negligible);
    const tau = load<f64>(scaleOf);
    if (tau == 0) {
      memory.fill(wi, 0, (<usize>i) << 3);
      continue;
    }

    symmetricProduct(a, stride, i, row, wi);
    if (done > 0) {
      dots(laterW, stride, done, row, i, t1);
      dots(laterV, stride, done, row, i, t2);
      subtractRows(laterV, stride, done, t1, wi, i);
      subtractRows(laterW, stride, done, t2, wi, i);
    }
    scale(wi, tau, i);
    addScaled(wi, -0.5 * tau * dot(wi, row, i), row, i);
  }
}
