/** Elementary reflectors H = I − τ·v·vᵀ. */
import { dot, dots, scale, subtractOuter } from './vectors';

/**
 * Makes the reflector that takes (x, tip) to (0, β): x is overwritten by v but for its element at the tip, where a 1 is
 * stored.
 *
 * @param x `length` elements, @param tip address of the element that stays
 * @param negligible squared norm of x below which it is dropped (v = 0, τ = 0)
 * @see LAPACK dlarfg
 */
export function reflector(x: usize, length: i32, tip: usize, beta: usize, tau: usize, negligible: f64): void {
  const alpha = load<f64>(tip);
  const rest = dot(x, x, length);
  store<f64>(tip, 1);
  if (!(rest > negligible)) {
    memory.fill(x, 0, (<usize>length) << 3);
    store<f64>(beta, alpha);
    store<f64>(tau, 0);
    return;
  }
  const norm = Math.sqrt(alpha * alpha + rest);
  const b = alpha > 0 ? -norm : norm;
  scale(x, 1 / (alpha - b), length);
  store<f64>(beta, b);
  store<f64>(tau, (b - alpha) / b);
}

/** Each of `count` rows `stride` bytes apart becomes H times it. @param scratch room for `count` numbers */
export function applyReflector(
  rows: usize,
  stride: usize,
  count: i32,
  v: usize,
  tau: f64,
  length: i32,
  scratch: usize,
): void {
  dots(rows, stride, count, v, length, scratch);
  scale(scratch, tau, count);
  subtractOuter(rows, stride, count, scratch, v, length);
}
