/**
 * The kernels compiled to WASM: lays operands out in one instance's linear memory, calls, and copies results out.
 */
import wasm from '../../../dist/kernels.wasm';
import type { BandPanel, Kernels, Poll, Tridiagonal } from './kernels';
import { mirrorLower } from './mirrorLower';
import { NEGLIGIBLE_SQUARE } from './negligible';

/** What `kernels/index.ts` exports. Addresses and strides are bytes. */
interface Exports {
  memory: WebAssembly.Memory;
  memoryStart(): number;
  reducePanel(
    a: number,
    stride: number,
    first: number,
    last: number,
    w: number,
    d: number,
    e: number,
    scales: number,
    scratch: number,
    negligible: number,
  ): void;
  applyReflectors(
    a: number,
    stride: number,
    n: number,
    scales: number,
    z: number,
    count: number,
    scratch: number,
  ): void;
  reduceBandPanel(
    a: number,
    stride: number,
    count: number,
    width: number,
    betas: number,
    scales: number,
    scratch: number,
    negligible: number,
  ): void;
  positivePivots(a: number, n: number, width: number, smallest: number, column: number): number;
  chaseBand(
    origin: number,
    stride: number,
    n: number,
    width: number,
    from: number,
    to: number,
    scratch: number,
    negligible: number,
  ): void;
  packRows(
    to: number,
    depth: number,
    start: number,
    from: number,
    stride: number,
    count: number,
    n: number,
    sign: number,
  ): void;
  packColumns(to: number, depth: number, from: number, stride: number, n: number): void;
  lowerProduct(c: number, stride: number, n: number, p: number, q: number, depth: number): void;
  fullProduct(c: number, stride: number, m: number, n: number, p: number, q: number, depth: number): void;
}

const PAGE = 65536;
/** Linear memory ends here; addresses are 32-bit. */
const MAX_MEMORY = 65536 * PAGE;
/** WASM memory never shrinks: an instance that grew beyond this is dropped after the call. Orders up to 2500 stay. */
const KEEP_MEMORY = 64 * 1024 * 1024;
/** Cache lines; SIMD loads are fastest aligned to 16 bytes. */
const ALIGNMENT = 64;
/** Rows a multiple of this apart compete for the same few places in the first-level cache. */
const CACHE_WAY = 4096;
/** Rows of a panel of the reduction: more slow the panel, fewer the update after it (8 … 24 measured alike). */
const PANEL = 16;
/** Summed steps of one pass of a product: a group of four rows then takes 8 kB of the first-level cache. */
const DEPTH = 256;
/** Sweeps of the bulge chase between two polls: some 20 ms at order 4096. */
const SWEEPS_PER_POLL = 64;
/** Sweeps that the kernel runs down the band together: each keeps its reflector in the scratch memory. */
const SWEEPS_TOGETHER = 8;
/** Vectors of the back-transformation that stay in the second-level cache together. */
const VECTORS = 8;

const BYTES = Float64Array.BYTES_PER_ELEMENT;

/** One instance and the addresses handed out of its memory during a call. */
class Arena {
  readonly exports: Exports;
  private next: number;

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module, {}).exports as Exports;
    this.next = align(this.exports.memoryStart());
  }

  /** Makes room for so many float64 in all, plus alignment; earlier addresses become free. */
  reset(...lengths: number[]): number[] {
    const start = align(this.exports.memoryStart());
    const addresses: number[] = [];
    this.next = start;
    for (const length of lengths) {
      addresses.push(this.next);
      this.next = align(this.next + length * BYTES);
    }
    const { memory } = this.exports;
    if (this.next > MAX_MEMORY) {
      throw new RangeError(
        `a matrix needs ${Math.ceil(this.next / 2 ** 30)} GiB for this step, the kernels have 4 GiB`,
      );
    }
    const missing = this.next - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    return addresses;
  }

  floats(address: number, length: number): Float64Array {
    return new Float64Array(this.exports.memory.buffer, address, length);
  }

  get bytes(): number {
    return this.exports.memory.buffer.byteLength;
  }
}

function align(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/** Elements from one row to the next: whole tiles of four, and not a multiple of what a cache way holds. */
function padded(columns: number): number {
  const whole = Math.ceil(columns / 8) * 8;
  return (whole * BYTES) % CACHE_WAY === 0 ? whole + 8 : whole;
}

/** @throws WebAssembly.CompileError where the runtime cannot compile them, for instance without SIMD */
export function createWasmKernels(): Kernels {
  const module = new WebAssembly.Module(wasm);
  let arena: Arena | undefined = new Arena(module);

  /** Runs `work` on the instance, and drops the instance afterwards where it has become large or was left halfway. */
  const use = <T>(work: (arena: Arena) => T): T => {
    const used = (arena ??= new Arena(module));
    try {
      return work(used);
    } finally {
      if (used.bytes > KEEP_MEMORY) arena = undefined;
    }
  };

  return {
    kind: 'wasm',
    tridiagonalise: (a, n, keep, poll) => use((at) => tridiagonalise(at, a, n, keep, poll)),
    applyReflectors: (a, scales, n, vectors, k, poll) =>
      use((at) => {
        applyReflectors(at, a, scales, n, vectors, k, poll);
      }),
    reduceBandPanel: (rows, count, width) => use((at) => reduceBandPanel(at, rows, count, width)),
    positivePivots: (band, n, width, smallest) =>
      use((at) => {
        const [rows, column] = at.reset(n * (width + 1), width) as [number, number];
        at.floats(rows, n * (width + 1)).set(band);
        return at.exports.positivePivots(rows, n, width, smallest, column);
      }),
    tridiagonaliseBand: (band, n, width, poll) => use((at) => tridiagonaliseBand(at, band, n, width, poll)),
    gram: (x, rows, cols, side) => use((at) => gram(at, x, rows, cols, side)),
    multiply: (a, b, m, n, k, transA, transB) => use((at) => multiply(at, a, b, m, n, k, transA, transB)),
  };
}

function tridiagonalise(arena: Arena, a: Float64Array, n: number, keep: boolean, poll: Poll | undefined) {
  const columns = padded(n);
  const stride = columns * BYTES;
  const rows = Math.ceil(n / 4) * 4;
  const panel = Math.min(PANEL, n);
  const packed = rows * 2 * panel;
  const [matrix, w, d, e, scales, scratch, p, q] = arena.reset(
    rows * columns,
    panel * columns,
    n,
    n,
    n,
    2 * panel,
    packed,
    packed,
  ) as [number, number, number, number, number, number, number, number];
  const { exports } = arena;
  const stored = arena.floats(matrix, rows * columns);
  for (let i = 0; i < n; i++) stored.set(a.subarray(i * n, i * n + i + 1), i * columns);

  for (let end = n; end > 0;) {
    const first = Math.max(0, end - panel);
    const count = end - first;
    poll?.(1 - (end / n) ** 3);
    exports.reducePanel(matrix, stride, first, end - 1, w, d, e, scales, scratch, NEGLIGIBLE_SQUARE);
    if (first > 0) {
      const v = matrix + first * stride;
      exports.packRows(p, 2 * count, 0, v, stride, count, first, 1);
      exports.packRows(p, 2 * count, count, w, stride, count, first, 1);
      exports.packRows(q, 2 * count, 0, w, stride, count, first, -1);
      exports.packRows(q, 2 * count, count, v, stride, count, first, -1);
      exports.lowerProduct(matrix, stride, first, p, q, 2 * count);
    }
    end = first;
  }
  if (keep) for (let i = 1; i < n; i++) a.set(stored.subarray(i * columns, i * columns + i), i * n);
  return {
    diagonal: arena.floats(d, n).slice(),
    offDiagonal: arena.floats(e, Math.max(0, n - 1)).slice(),
    // Row 0 has no reflector.
    scales: arena.floats(scales, n).fill(0, 0, 1).slice(),
  };
}

function applyReflectors(
  arena: Arena,
  a: Float64Array,
  scales: Float64Array,
  n: number,
  vectors: Float64Array,
  k: number,
  poll: Poll | undefined,
): void {
  const columns = padded(n);
  const stride = columns * BYTES;
  const [matrix, tau, z, scratch] = arena.reset(n * columns, n, VECTORS * columns, VECTORS) as [
    number,
    number,
    number,
    number,
  ];
  const stored = arena.floats(matrix, n * columns);
  for (let i = 1; i < n; i++) stored.set(a.subarray(i * n, i * n + i), i * columns);
  arena.floats(tau, n).set(scales);
  const group = arena.floats(z, VECTORS * columns);
  for (let first = 0; first < k; first += VECTORS) {
    poll?.(first / k);
    const count = Math.min(VECTORS, k - first);
    for (let r = 0; r < count; r++) group.set(vectors.subarray((first + r) * n, (first + r + 1) * n), r * columns);
    arena.exports.applyReflectors(matrix, stride, n, tau, z, count, scratch);
    for (let r = 0; r < count; r++) vectors.set(group.subarray(r * columns, r * columns + n), (first + r) * n);
  }
}

function reduceBandPanel(arena: Arena, rows: Float64Array, count: number, width: number): BandPanel {
  const columns = even(width);
  const [a, betas, scales, scratch] = arena.reset(count * columns, count, count, count) as [
    number,
    number,
    number,
    number,
  ];
  const stride = place(arena, a, rows, count, width);
  arena.exports.reduceBandPanel(a, stride, count, width, betas, scales, scratch, NEGLIGIBLE_SQUARE);
  const reduced = arena.floats(a, count * columns);
  for (let k = 0; k < count; k++) rows.set(reduced.subarray(k * columns, k * columns + width), k * width);
  return { betas: arena.floats(betas, count).slice(), scales: arena.floats(scales, count).slice() };
}

function tridiagonaliseBand(
  arena: Arena,
  band: Float64Array,
  n: number,
  width: number,
  poll: Poll | undefined,
): Tridiagonal {
  // A bulge reaches as far again as the band, so that rows are twice as long; each begins where the one before ends.
  const room = 2 * width;
  const [rows, scratch] = arena.reset(n * room, SWEEPS_TOGETHER * (width + 2) + 3 * width) as [number, number];
  const stored = arena.floats(rows, n * room).fill(0);
  for (let i = 0; i < n; i++) {
    const kept = Math.min(width, i) + 1;
    stored.set(band.subarray((i + 1) * (width + 1) - kept, (i + 1) * (width + 1)), (i + 1) * room - kept);
  }
  const origin = rows + (room - 1) * BYTES;
  const stride = (room - 1) * BYTES;
  if (width > 1) {
    for (let sweep = 0; sweep < n - 2; sweep += SWEEPS_PER_POLL) {
      poll?.(1 - (1 - sweep / n) ** 2);
      const end = Math.min(sweep + SWEEPS_PER_POLL, n - 2);
      arena.exports.chaseBand(origin, stride, n, width, sweep, end, scratch, NEGLIGIBLE_SQUARE);
    }
  }
  return {
    diagonal: Float64Array.from({ length: n }, (_, i) => stored[(i + 1) * room - 1]!),
    offDiagonal: Float64Array.from({ length: Math.max(0, n - 1) }, (_, i) => stored[(i + 2) * room - 2]!),
  };
}

function gram(arena: Arena, x: Float64Array, rows: number, cols: number, side: 'rows' | 'columns'): Float64Array {
  const [n, summed] = side === 'columns' ? [cols, rows] : [rows, cols];
  const columns = padded(n);
  const groups = Math.ceil(n / 4) * 4;
  const depth = Math.min(DEPTH, summed);
  const [c, packed, stored] = arena.reset(groups * columns, groups * depth, even(cols) * rows) as [
    number,
    number,
    number,
  ];
  const { exports } = arena;
  const result = arena.floats(c, groups * columns).fill(0);
  const stride = place(arena, stored, x, rows, cols);
  for (let start = 0; start < summed; start += depth) {
    const count = Math.min(depth, summed - start);
    if (side === 'columns') exports.packRows(packed, count, 0, stored + start * stride, stride, count, n, 1);
    else exports.packColumns(packed, count, stored + start * BYTES, stride, n);
    exports.lowerProduct(c, columns * BYTES, n, packed, packed, count);
  }
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix.set(result.subarray(i * columns, i * columns + i + 1), i * n);
  mirrorLower(matrix, n);
  return matrix;
}

function multiply(
  arena: Arena,
  a: Float64Array,
  b: Float64Array,
  m: number,
  n: number,
  k: number,
  transA: boolean,
  transB: boolean,
): Float64Array {
  const columns = padded(n);
  const rowGroups = Math.ceil(m / 4) * 4;
  const groups = Math.ceil(n / 4) * 4;
  const depth = Math.min(DEPTH, k);
  const aColumns = transA ? m : k;
  const bColumns = transB ? k : n;
  const [c, p, q, storedA, storedB] = arena.reset(
    rowGroups * columns,
    rowGroups * depth,
    groups * depth,
    even(aColumns) * (transA ? k : m),
    even(bColumns) * (transB ? n : k),
  ) as [number, number, number, number, number];
  const { exports } = arena;
  const result = arena.floats(c, rowGroups * columns).fill(0);
  const strideA = place(arena, storedA, a, transA ? k : m, aColumns);
  const strideB = place(arena, storedB, b, transB ? n : k, bColumns);
  for (let start = 0; start < k; start += depth) {
    const count = Math.min(depth, k - start);
    if (transA) exports.packRows(p, count, 0, storedA + start * strideA, strideA, count, m, 1);
    else exports.packColumns(p, count, storedA + start * BYTES, strideA, m);
    if (transB) exports.packColumns(q, count, storedB + start * BYTES, strideB, n);
    else exports.packRows(q, count, 0, storedB + start * strideB, strideB, count, n, 1);
    exports.fullProduct(c, columns * BYTES, m, n, p, q, count);
  }
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++) product.set(result.subarray(i * columns, i * columns + n), i * n);
  return product;
}

/** Rows must start at multiples of 16 bytes. */
function even(columns: number): number {
  return columns + (columns & 1);
}

/** Copies a matrix in and returns its rows' distance in bytes. */
function place(arena: Arena, address: number, x: Float64Array, rows: number, cols: number): number {
  const columns = even(cols);
  const target = arena.floats(address, rows * columns);
  if (columns === cols) target.set(x.subarray(0, rows * cols));
  else for (let i = 0; i < rows; i++) target.set(x.subarray(i * cols, i * cols + cols), i * columns);
  return columns * BYTES;
}
