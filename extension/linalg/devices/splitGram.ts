/**
 * Gram matrix by exact products of float32 slices (`splitGraph.ts`): rows are scaled to the slices' range by powers
 * of two, the device multiplies tiles, their whole numbers are put together in float64 here.
 */
import type { GramSum } from '../gram/gramSum';
import { eventLoopTurn } from '../products/productPieces';
import { BLOCK_DEPTH, MAX_BLOCKS, SLICE_BASE, SLICE_LIMIT } from './splitGraph';
import { SymmetricSlabs } from '../gram/symmetricSlabs';

/** The graph's outputs, each m×n. */
export type SplitLevels = [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];

/**
 * Levels of X·Yᵀ, with X m × blocks × `BLOCK_DEPTH` and Y n × blocks × `BLOCK_DEPTH`, elements of at most `SLICE_LIMIT`.
 *
 * @throws Error where the device fails
 */
export type SplitProduct = (
  x: Float32Array,
  y: Float32Array,
  blocks: number,
  m: number,
  n: number,
) => Promise<SplitLevels>;

/** Rows of a tile: the more, the fewer numbers cross between device and memory for each product. */
const TILES = [1024, 512, 256, 128] as const;

/** Bytes of all tiles together: more columns than fit are multiplied in several runs. */
const MAX_GATHERED_BYTES = 32 * 1024 * 1024;

/** Heights are multiples of this, so that the device's own tiles are whole. */
const HEIGHT_STEP = 32;

/** Some rows of X, gathered until there are columns enough for a run. */
interface Tile {
  start: number;
  /** Rows of the matrix in this tile; up to the common height the rest stays zero. */
  rows: number;
  /** height × (blocks·BLOCK_DEPTH) */
  x: Float32Array;
}

export class SplitGram implements GramSum {
  private readonly sum: SymmetricSlabs;
  private readonly height: number;
  /** Columns that a run takes. */
  private readonly depth: number;
  private readonly tiles: Tile[] = [];
  private gathered = 0;

  /**
   * @param n rows of the matrix, the order of the Gram matrix
   * @param runMultiplyAdds size of one run, which blocks the event loop
   */
  constructor(
    private readonly product: SplitProduct,
    private readonly n: number,
    runMultiplyAdds: number,
  ) {
    this.sum = new SymmetricSlabs(n);
    const largest = TILES.find((rows) => rows * rows * BLOCK_DEPTH <= runMultiplyAdds) ?? TILES.at(-1)!;
    const tiles = Math.max(1, Math.ceil(n / largest));
    this.height = Math.ceil(n / tiles / HEIGHT_STEP) * HEIGHT_STEP;
    const fitting = MAX_GATHERED_BYTES / (4 * tiles * this.height * BLOCK_DEPTH);
    const timely = runMultiplyAdds / (this.height * this.height * BLOCK_DEPTH);
    this.depth = Math.max(1, Math.floor(Math.min(MAX_BLOCKS, fitting, timely))) * BLOCK_DEPTH;
    for (let start = 0; start < n; start += this.height) {
      const x = new Float32Array(this.height * this.depth);
      this.tiles.push({ start, rows: Math.min(this.height, n - start), x });
    }
  }

  async add(x: Float64Array, k: number, signal?: AbortSignal): Promise<void> {
    const { n, depth } = this;
    if (x.length !== n * k) throw new RangeError(`${n} × ${k} elements expected, not ${x.length}`);
    for (let start = 0; start < k;) {
      const end = Math.min(k, start + depth - this.gathered);
      for (const tile of this.tiles) {
        for (let row = 0; row < tile.rows; row++) {
          const from = (tile.start + row) * k;
          tile.x.set(x.subarray(from + start, from + end), row * depth + this.gathered);
        }
      }
      this.gathered += end - start;
      start = end;
      if (this.gathered === depth) await this.flush(signal);
    }
  }

  async finish(signal?: AbortSignal): Promise<SymmetricSlabs> {
    if (this.gathered > 0) await this.flush(signal);
    // Tiles above the diagonal were not multiplied, and may have left out parts of the slabs' diagonal blocks.
    this.sum.mirrorBlocks();
    return this.sum;
  }

  /** Multiplies the gathered columns, the last block filled up with zeros, and begins anew. */
  private async flush(signal?: AbortSignal): Promise<void> {
    const blocks = Math.ceil(this.gathered / BLOCK_DEPTH);
    const used = blocks * BLOCK_DEPTH;
    const units = new Float64Array(this.n);
    for (const { start, rows, x } of this.tiles) {
      for (let row = 0; row < rows; row++) {
        // Rows move together where not all of their depth is used.
        if (used < this.depth) x.copyWithin(row * used, row * this.depth, row * this.depth + used);
        units[start + row] = toSliceRange(x.subarray(row * used, (row + 1) * used));
      }
      x.fill(0, rows * used);
    }
    for (const [t, left] of this.tiles.entries()) {
      for (const right of this.tiles.slice(0, t + 1)) {
        signal?.throwIfAborted();
        await eventLoopTurn();
        const x = left.x.subarray(0, this.height * used);
        const y = right.x.subarray(0, this.height * used);
        this.addTile(await this.product(x, y, blocks, this.height, this.height), left, right, units);
      }
    }
    for (const { x } of this.tiles) x.fill(0);
    this.gathered = 0;
  }

  /** Adds a tile to the slabs it lies in. */
  private addTile(levels: SplitLevels, rowTile: Tile, columnTile: Tile, units: Float64Array): void {
    const { height } = this;
    const first = columnTile.start;
    const end = first + columnTile.rows;
    for (const { start, width, elements } of this.sum.slabs) {
      const last = Math.min(width, rowTile.start + rowTile.rows);
      for (let i = Math.max(start, rowTile.start); i < last; i++) {
        const from = { levels, at: (i - rowTile.start) * height - first, unit: units[i]!, units };
        addRow(elements, (i - start) * width, from, first, Math.min(end, width));
      }
    }
  }
}

/** The place of a row's whole numbers: column j at `at` + j of each level, in units of `unit`·`units[j]`. */
interface WholeRow {
  levels: SplitLevels;
  at: number;
  unit: number;
  units: Float64Array;
}

/** Adds columns [start, end) of a row, its levels put together, to `sum`, where column j is at `offset` + j. */
function addRow(sum: Float64Array, offset: number, row: WholeRow, start: number, end: number): void {
  const [a, b, c, d, e] = row.levels;
  const { at, unit, units } = row;
  for (let j = start; j < end; j++) {
    const p = at + j;
    const small = c[p]! + (d[p]! + e[p]! / SLICE_BASE) / SLICE_BASE;
    const whole = a[p]! + (b[p]! + small / SLICE_BASE) / SLICE_BASE;
    sum[offset + j] = sum[offset + j]! + whole * unit * units[j]!;
  }
}

/** Divides a row by the power of two that brings its largest magnitude near the slices' limit. @returns that power */
function toSliceRange(row: Float32Array): number {
  let largest = 0;
  for (let j = 0; j < row.length; j++) largest = Math.max(largest, Math.abs(row[j]!));
  // Rows of zeros stay; NaN and infinities are for the check to find.
  if (!(largest > 0 && largest < Infinity)) return 1;
  const unit = 2 ** (Math.floor(Math.log2(largest)) + 1) / SLICE_LIMIT;
  for (let j = 0; j < row.length; j++) row[j] = row[j]! / unit;
  return unit;
}
