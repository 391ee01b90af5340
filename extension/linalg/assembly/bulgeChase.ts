/**
 * Reduction of a symmetric band matrix to tridiagonal form: column by column, each followed by chasing the bulge that
 * its reflector makes down the band.
 *
 * @see Lang 1993, "A parallel algorithm for reducing symmetric banded matrices to tridiagonal form"
 * @see Haidar, Ltaief & Dongarra 2011 (the three kernels and their order)
 */
import { reflector } from './reflector';
import { symmetricProduct } from './symmetricProduct';
import { addScaled, dot, dots, scale, subtractRows } from './vectors';

/**
 * Sweeps that run down the band together, each two blocks behind the one before: their part of the band then stays in the
 * second-level cache (4 … 16 measured alike).
 */
const TOGETHER = 8;

/**
 * Runs sweeps from ≤ s < to: column s loses all but its first element below the diagonal.
 *
 * @param origin address of element (0, 0); element (i, j), i − 2·width < j ≤ i, lies i·stride + 8·j bytes behind it
 * @param scratch room for TOGETHER·(width + 2) + 3·width numbers
 */
export function chaseBand(
  origin: usize,
  stride: usize,
  n: i32,
  width: i32,
  from: i32,
  to: i32,
  scratch: usize,
  negligible: f64,
): void {
  const states = (<usize>(width + 2)) << 3;
  const work = scratch + <usize>TOGETHER * states;
  for (let first = from; first < to; first += TOGETHER) {
    const sweeps = min(TOGETHER, to - first);
    const steps = (n - 2 - first) / width + 2 * sweeps;
    for (let step = 0; step <= steps; step++) {
      for (let g = 0; g < sweeps; g++) {
        const block = step - 2 * g;
        if (block < 0) break;
        const column = first + g;
        const row = column + 1 + block * width;
        if (row >= n) continue;
        const state = scratch + <usize>g * states;
        if (block == 0) startSweep(origin, stride, n, width, column, state, negligible);
        advance(origin, stride, n, width, row, state, work, negligible);
      }
    }
  }
}

/** The reflector of a sweep's first block is left in `state`: τ, β, v. */
function startSweep(
  origin: usize,
  stride: usize,
  n: i32,
  width: i32,
  column: i32,
  state: usize,
  negligible: f64,
): void {
  const length = min(width, n - 1 - column);
  const top = origin + <usize>(column + 1) * stride + ((<usize>column) << 3);
  const v = state + 16;
  for (let i = 0; i < length; i++) {
    const at = top + <usize>i * stride;
    store<f64>(v + ((<usize>i) << 3), load<f64>(at));
    store<f64>(at, 0);
  }
  reflector(v + 8, length - 1, v, state + 8, state, negligible);
  store<f64>(top, load<f64>(state + 8));
}

/**
 * Applies the sweep's reflector to the diagonal block at `row` from both sides and to the block below from the right;
 * then makes the reflector that takes the bulge out of the first column of that block, and applies it from the left.
 */
function advance(
  origin: usize,
  stride: usize,
  n: i32,
  width: i32,
  row: i32,
  state: usize,
  work: usize,
  negligible: f64,
): void {
  const length = min(width, n - row);
  const column = origin + ((<usize>row) << 3);
  const v = state + 16;
  const tau = load<f64>(state);
  const p = work;
  const next = p + ((<usize>width) << 3);
  const u = next + ((<usize>width) << 3);
  if (tau != 0) twoSided(column + <usize>row * stride, stride, length, v, tau, p);

  const below = row + length;
  const rows = min(width, n - below);
  if (rows <= 0) return;
  const block = column + <usize>below * stride;
  dots(block, stride, rows, v, length, p);
  scale(p, tau, rows);
  for (let i = 0; i < rows; i++) {
    const at = (<usize>i) << 3;
    store<f64>(next + at, load<f64>(block + <usize>i * stride) - load<f64>(p + at));
  }
  reflector(next + 8, rows - 1, next, state + 8, state, negligible);
  const nextTau = load<f64>(state);
  // u = τ'·(Bᵀ·v' − (v'·p)·v): what the left reflector takes from every column of B·H.
  memory.fill(u, 0, (<usize>length) << 3);
  if (nextTau != 0) {
    subtractRows(block, stride, rows, next, u, length);
    addScaled(u, dot(next, p, rows), v, length);
    scale(u, -nextTau, length);
  }
  for (let i = 0; i < rows; i++) {
    const at = (<usize>i) << 3;
    subtractTwo(block + <usize>i * stride, load<f64>(p + at), v, load<f64>(next + at), u, length);
    store<f64>(block + <usize>i * stride, 0);
  }
  store<f64>(block, load<f64>(state + 8));
  memory.copy(v, next, (<usize>rows) << 3);
}

/** D ← H·D·H for the lower triangle of a symmetric block. */
function twoSided(a: usize, stride: usize, m: i32, v: usize, tau: f64, w: usize): void {
  symmetricProduct(a, stride, m, v, w);
  scale(w, tau, m);
  addScaled(w, -0.5 * tau * dot(w, v, m), v, m);
  for (let i = 0; i < m; i++) {
    const at = (<usize>i) << 3;
    subtractTwo(a + <usize>i * stride, load<f64>(v + at), w, load<f64>(w + at), v, i + 1);
  }
}

/** row −= f·x + g·y */
function subtractTwo(row: usize, f: f64, x: usize, g: f64, y: usize, length: i32): void {
  const ff = f64x2.splat(f);
  const gg = f64x2.splat(g);
  const whole = ((<usize>length) & ~1) << 3;
  let at: usize = 0;
  for (; at < whole; at += 16) {
    const sum = f64x2.add(f64x2.mul(ff, v128.load(x + at)), f64x2.mul(gg, v128.load(y + at)));
    v128.store(row + at, f64x2.sub(v128.load(row + at), sum));
  }
  if ((length & 1) != 0) {
    store<f64>(row + at, load<f64>(row + at) - (f * load<f64>(x + at) + g * load<f64>(y + at)));
  }
}
