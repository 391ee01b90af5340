/** The cell of a heat map that is read out, moved with the arrow keys: a frame around it. */
import type { Selection } from 'd3-selection';
import type { PlotFrame } from './plotFrame';

/** Cells that PageUp and PageDown go. */
const PAGE = 16;

/** The frame is not smaller than this, however small the cell. */
const LEAST_SIZE = 7;

const STEPS: Readonly<Record<string, readonly [rows: number, cols: number]>> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  PageUp: [-PAGE, 0],
  PageDown: [PAGE, 0],
  Home: [0, -Infinity],
  End: [0, Infinity],
};

export class CellCursor {
  private readonly group: Selection<SVGGElement, unknown, null, undefined>;
  private rows = 1;
  private cols = 1;
  private row = 0;
  private col = 0;

  /** @param describe says what is in a cell, for those who listen */
  constructor(
    private readonly frame: PlotFrame,
    private readonly describe: (row: number, col: number) => string,
  ) {
    this.group = frame.layer('handle', false).append('g').attr('class', 'cell-cursor').attr('tabindex', 0);
    this.group.attr('role', 'slider').attr('aria-label', 'Cell of the heat map').attr('aria-valuemin', 0);
    this.group.append('rect').attr('class', 'outer');
    this.group.append('rect').attr('class', 'inner');
    this.group.node()!.addEventListener('keydown', (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      this.move(this.row + step[0], this.col + step[1]);
    });
  }

  /** A map of so many cells, and the cell that is read out first. */
  reset(rows: number, cols: number, row: number, col: number): void {
    this.rows = rows;
    this.cols = cols;
    this.group.attr('aria-valuemax', rows * cols - 1);
    this.move(row, col);
  }

  private move(row: number, col: number): void {
    this.row = Math.min(this.rows - 1, Math.max(0, row));
    this.col = Math.min(this.cols - 1, Math.max(0, col));
    this.group.attr('aria-valuenow', this.row * this.cols + this.col);
    this.group.attr('aria-valuetext', this.describe(this.row, this.col));
    this.draw();
  }

  draw(): void {
    const cell = { width: this.frame.width / this.cols, height: this.frame.height / this.rows };
    const width = Math.max(LEAST_SIZE, cell.width);
    const height = Math.max(LEAST_SIZE, cell.height);
    for (const [name, margin] of [
      ['outer', 1],
      ['inner', 0],
    ] as const) {
      this.group
        .select(`.${name}`)
        .attr('x', (this.col + 0.5) * cell.width - width / 2 - margin)
        .attr('y', (this.row + 0.5) * cell.height - height / 2 - margin)
        .attr('width', width + 2 * margin)
        .attr('height', height + 2 * margin);
    }
  }
}
