/** Back-transformation: applies the reflectors of the tridiagonal reduction to vectors, four at a time. */
import { applyReflector } from './reflector';

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
    applyReflector(z, stride, count, v, tau, i, scratch);
  }
}
