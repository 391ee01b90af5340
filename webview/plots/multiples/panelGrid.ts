/** Where the panels of small multiples lie: in rows from left to right, all of one size. Pure. */

/** Least width of a panel with the gap beside it, and its height with the gap below. */
const LEAST_WIDTH = 118;
const HEIGHT = 84;

/** Between panels; the names of those below stand in it. */
const GAP = { x: 14, y: 24 };

export interface PanelBox {
  left: number;
  top: number;
  width: number;
  height: number;
}

export class PanelGrid {
  readonly columns: number;
  readonly rows: number;
  private readonly width: number;

  /** @param width of all panels, in pixels */
  constructor(
    readonly count: number,
    width: number,
  ) {
    this.columns = Math.max(1, Math.min(count, Math.floor((width + GAP.x) / LEAST_WIDTH)));
    this.rows = Math.max(1, Math.ceil(count / this.columns));
    this.width = Math.max(1, (width - (this.columns - 1) * GAP.x) / this.columns);
  }

  /** Of all panels. */
  get height(): number {
    return this.rows * HEIGHT - GAP.y;
  }

  /** Panels of a row. */
  columnsOf(row: number): number {
    return Math.min(this.columns, this.count - row * this.columns);
  }

  box(index: number): PanelBox {
    const [row, col] = [Math.floor(index / this.columns), index % this.columns];
    return { left: col * (this.width + GAP.x), top: row * HEIGHT, width: this.width, height: HEIGHT - GAP.y };
  }

  /** The panel that is nearest to a place; 0 if there is none. */
  nearest(x: number, y: number): number {
    const row = Math.min(this.rows - 1, Math.max(0, Math.floor((y + GAP.y) / HEIGHT)));
    const col = Math.min(this.columnsOf(row) - 1, Math.max(0, Math.floor(x / (this.width + GAP.x))));
    return Math.max(0, row * this.columns + col);
  }

  /** The panel at a place, its name included; −1 beside all of them. */
  at(x: number, y: number): number {
    const row = Math.floor((y + GAP.y) / HEIGHT);
    const col = Math.floor(x / (this.width + GAP.x));
    if (row < 0 || row >= this.rows || col < 0 || col >= this.columnsOf(row)) return -1;
    return row * this.columns + col;
  }
}
