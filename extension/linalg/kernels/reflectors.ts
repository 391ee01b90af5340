/** Back-transformation: applies the reflectors of the tridiagonal reduction to vectors, four at a time. */
import { addScaled, dots } from './vectors';

/** z ← H(n−1)·…·H(1)·z for `count` vectors `stride` bytes apart; row i of `a` holds the reflector of H(i). */
export function applyReflectors(
  a: usize,
  stride: usize,
  n: i32,
  scales: usize,
  z: usize,
  count: i32,
  scratch: usize,
): void {
  for (let i = 1; i < n; i++) {
    const tau = load<f64>(scales + ((<usize>i) << 3));
    if (tau == 0) continue;
    const v = a + <usize>i * stride;
    dots(z, stride, count, v, i, scratch);
    for (let r = 0; r < count; r++) {
      addScaled(z + <usize>r * stride, -tau * load<f64>(scratch + ((<usize>r) << 3)), v, i);
    }
  }
}
