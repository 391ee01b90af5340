/** Elements in sight, fetched block by block: what has left the sight before its turn is not fetched at all. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { ElementRange, ElementSlice, ElementTable } from '../../../extension/shared/elements';

/** A block is wide and low: the engine reads whole rows. */
const BLOCK = { rows: 32, cols: 128 };

/** Blocks asked for at a time, and those that are kept. */
const AT_ONCE = 3;
const KEPT = 64;

export type FetchElements = (range: ElementRange, token: CancellationTokenSource['token']) => Promise<ElementSlice>;

export class ElementBlocks {
  /** The latest used last. */
  private readonly known = new Map<string, ElementSlice>();
  private readonly running = new Map<string, CancellationTokenSource>();
  private wanted: string[] = [];
  private ended = false;

  /**
   * @param onBlock called when one is there
   * @param onProblem called when one cannot be had; it is asked for again when it is next in sight
   */
  constructor(
    private readonly table: ElementTable,
    private readonly fetch: FetchElements,
    private readonly onBlock: (slice: ElementSlice) => void,
    private readonly onProblem: (error: unknown) => void,
  ) {}

  /** Undefined while it is not there. */
  at(row: number, col: number): number | undefined {
    const block = this.known.get(keyOf(Math.floor(row / BLOCK.rows), Math.floor(col / BLOCK.cols)));
    return block?.values[(row - block.range.row) * block.range.cols + col - block.range.col];
  }

  /** These are in sight now. */
  want({ row, rows, col, cols }: ElementRange): void {
    const keys: string[] = [];
    for (let down = Math.floor(row / BLOCK.rows); down * BLOCK.rows < row + rows; down++) {
      for (let across = Math.floor(col / BLOCK.cols); across * BLOCK.cols < col + cols; across++) {
        keys.push(keyOf(down, across));
      }
    }
    for (const key of keys) {
      const block = this.known.get(key);
      if (!block) continue;
      this.known.delete(key);
      this.known.set(key, block);
    }
    for (const [key, source] of this.running) {
      if (keys.includes(key)) continue;
      source.cancel();
      this.running.delete(key);
    }
    this.wanted = keys.filter((key) => !this.known.has(key));
    this.next();
  }

  /** Nobody looks any more. */
  end(): void {
    this.ended = true;
    for (const source of this.running.values()) source.cancel();
    this.running.clear();
  }

  private next(): void {
    for (const key of this.wanted) {
      if (this.running.size >= AT_ONCE || this.ended) return;
      if (!this.running.has(key)) void this.load(key);
    }
  }

  private async load(key: string): Promise<void> {
    const source = new CancellationTokenSource();
    this.running.set(key, source);
    try {
      const slice = await this.fetch(this.rangeOf(key), source.token);
      if (this.running.get(key) !== source) return;
      this.running.delete(key);
      this.known.set(key, slice);
      for (const oldest of [...this.known.keys()].slice(0, -KEPT)) this.known.delete(oldest);
      this.wanted = this.wanted.filter((each) => each !== key);
      this.onBlock(slice);
    } catch (error) {
      if (this.running.get(key) !== source) return;
      this.running.delete(key);
      this.wanted = this.wanted.filter((each) => each !== key);
      this.onProblem(error);
    }
    this.next();
  }

  private rangeOf(key: string): ElementRange {
    const [down, across] = key.split(',').map(Number);
    const [row, col] = [down! * BLOCK.rows, across! * BLOCK.cols];
    const { table } = this;
    return { row, col, rows: Math.min(BLOCK.rows, table.rows - row), cols: Math.min(BLOCK.cols, table.cols - col) };
  }
}

function keyOf(down: number, across: number): string {
  return `${down},${across}`;
}
