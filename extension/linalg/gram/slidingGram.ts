/**
 * Gram matrices of many equally large windows of one matrix X without a product for each. Windows that sum over the
 * same columns of X are parts of one Gram matrix; only the parts that some window needs are computed. From one such set
 * to the next, only the columns that leave and enter are multiplied.
 */
import type { MatrixProducts } from '../products/productTypes';
import { SymmetricSlabs } from './symmetricSlabs';

/** Columns [start, end) of X, order × (end − start), row-major; in the memory of `into` where there is one, which is lost. */
export type ColumnSource = (start: number, end: number, into?: Float64Array) => Promise<Float64Array>;

export interface WindowRows {
  /** Rows of X. */
  order: number;
  /** Rows of each window: the order of its Gram matrix. */
  side: number;
  /** First row of each window, ascending. */
  starts: readonly number[];
}

/** Rows that are multiplied at once: long products, and little beyond what the windows need. */
const SLAB_ROWS = 256;

/** Columns asked for at once: enough for products at full speed. */
const CHUNK_BYTES = 32 * 1024 * 1024;

/**
 * Taking columns out again leaves their rounding behind. Above this share of a window's trace all is computed anew: the
 * rounding of a product of some thousand columns is not smaller.
 */
const MAX_DRIFT = 1e-14;

/** Rows [start, start + rows) of the Gram matrix, from the first column that a window needs up to the diagonal block. */
interface Slab {
  start: number;
  rows: number;
  first: number;
  /** rows × (start + rows − first) */
  elements: Float64Array;
}

type Span = readonly [start: number, end: number];

export class SlidingGram {
  private readonly slabs: Slab[];
  private readonly chunk: number;
  /** Bound of the rounding that sliding has left in each diagonal element. */
  private readonly drift: Float64Array;
  private span: Span = [0, 0];

  constructor(
    private readonly products: MatrixProducts,
    private readonly rows: WindowRows,
    private readonly columns: ColumnSource,
  ) {
    this.slabs = slabBounds(rows).map((slab) => ({ ...slab, elements: new Float64Array(slab.rows * widthOf(slab)) }));
    this.chunk = Math.max(1, Math.floor(CHUNK_BYTES / (8 * rows.order)));
    this.drift = new Float64Array(rows.order);
  }

  /** Bytes of the sums and of a chunk of columns. */
  static bytes(rows: WindowRows, spans: readonly Span[]): number {
    const longest = spans.reduce((most, span) => Math.max(most, length(span)), 0);
    return 8 * elementCount(rows) + Math.min(CHUNK_BYTES, 8 * rows.order * longest);
  }

  /** Multiply-adds of taking the spans one after the other. */
  static multiplyAdds(rows: WindowRows, spans: readonly Span[]): number {
    let columns = 0;
    let previous: Span = [0, 0];
    for (const span of spans) {
      columns += Math.min(changes(previous, span), length(span));
      previous = span;
    }
    return columns * elementCount(rows);
  }

  /**
   * Makes `window` about the columns [start, end) of X.
   *
   * @throws DOMException `AbortError` when `signal` fires; the sums are then of no use
   */
  async moveTo(start: number, end: number, signal?: AbortSignal): Promise<void> {
    const span: Span = [start, end];
    const previous = this.span;
    this.span = span;
    if (changes(previous, span) < length(span)) {
      for (const leaving of difference(previous, span)) await this.add(leaving, -1, signal);
      for (const entering of difference(span, previous)) await this.add(entering, 1, signal);
      if (this.isExact()) return;
    }
    for (const { elements } of this.slabs) elements.fill(0);
    await this.add(span, 1, signal);
    this.drift.fill(0);
  }

  /** Gram matrix of the window whose first row is `start`, over the present columns. */
  window(start: number): SymmetricSlabs {
    const gram = new SymmetricSlabs(this.rows.side);
    for (const slab of gram.slabs) {
      for (let row = 0; row < slab.rows; row++) {
        slab.elements.set(this.row(start, slab.start + row), row * slab.width);
      }
    }
    gram.mirrorBlocks();
    return gram;
  }

  /** A row of the window's Gram matrix, up to its diagonal element. */
  private row(start: number, row: number): Float64Array {
    const at = start + row;
    const slab = this.slabs.find((candidate) => candidate.start <= at && at < candidate.start + candidate.rows)!;
    const from = (at - slab.start) * widthOf(slab) + start - slab.first;
    return slab.elements.subarray(from, from + row + 1);
  }

  private async add([start, end]: Span, sign: 1 | -1, signal: AbortSignal | undefined): Promise<void> {
    for (let from = start; from < end; from += this.chunk) {
      const to = Math.min(end, from + this.chunk);
      await this.addColumns(await this.columns(from, to), to - from, sign, signal);
    }
  }

  private async addColumns(x: Float64Array, k: number, sign: 1 | -1, signal: AbortSignal | undefined): Promise<void> {
    for (const slab of this.slabs) {
      signal?.throwIfAborted();
      const { start, rows, first, elements } = slab;
      const end = start + rows;
      const stored = x.subarray(start * k, end * k);
      const own = sign > 0 ? stored : stored.map((value) => -value);
      const reached = x.subarray(first * k, end * k);
      const before = diagonal(slab);
      await this.products.accumulate(elements, own, reached, rows, end - first, k, false, true);
      const after = diagonal(slab);
      for (let i = 0; i < rows; i++) {
        this.drift[start + i] = this.drift[start + i]! + Number.EPSILON * Math.max(before[i]!, after[i]!);
      }
    }
  }

  /** True if every window's rounding is as small as a new product's. */
  private isExact(): boolean {
    const { order, side, starts } = this.rows;
    const trace = new Float64Array(order);
    for (const slab of this.slabs) trace.set(diagonal(slab), slab.start);
    const sum = (values: Float64Array, start: number): number =>
      values.subarray(start, start + side).reduce((total, value) => total + value, 0);
    return starts.every((start) => sum(this.drift, start) <= MAX_DRIFT * sum(trace, start));
  }
}

function diagonal(slab: Slab): Float64Array {
  const step = widthOf(slab) + 1;
  return Float64Array.from({ length: slab.rows }, (_, i) => slab.elements[slab.start - slab.first + i * step]!);
}

function slabBounds({ order, side, starts }: WindowRows): Omit<Slab, 'elements'>[] {
  const slabs: Omit<Slab, 'elements'>[] = [];
  for (let start = 0; start < order; start += SLAB_ROWS) {
    const rows = Math.min(SLAB_ROWS, order - start);
    const first = starts.find((window) => window < start + rows && window + side > start);
    if (first !== undefined) slabs.push({ start, rows, first: Math.min(first, start) });
  }
  return slabs;
}

function elementCount(rows: WindowRows): number {
  return slabBounds(rows).reduce((count, slab) => count + slab.rows * widthOf(slab), 0);
}

function widthOf({ start, rows, first }: Omit<Slab, 'elements'>): number {
  return start + rows - first;
}

function length([start, end]: Span): number {
  return end - start;
}

/** Columns that leave and enter between two spans. */
function changes(previous: Span, next: Span): number {
  return [...difference(previous, next), ...difference(next, previous)].reduce((sum, span) => sum + length(span), 0);
}

/** What of `span` lies outside of `other`. */
function difference(span: Span, other: Span): Span[] {
  const before: Span = [span[0], Math.min(span[1], other[0])];
  const after: Span = [Math.max(span[0], other[1]), span[1]];
  return [before, after].filter((part) => length(part) > 0);
}
