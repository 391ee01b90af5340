/** The cell of a map that is read out, moved with the arrow keys: a frame around it. */
import type { Selection } from 'd3-selection';
import { l10n } from '../../extension/shared/language/l10n';
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

export interface CellBox {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What a map has beyond rows and columns of one size. */
export interface CellCursorOptions {
  /** What it is, for those who listen. */
  label?: string;
  /** Cells in a row; that of `reset` without. */
  columns?(row: number): number;
  /** Place of a cell in plot coordinates; equal shares of the plot without. */
  box?(row: number, col: number): CellBox;
  /** A key moved it there: what is out of sight may come into it. */
  reveal?(row: number, col: number): void;
  /** Enter or Space. */
  choose?(row: number, col: number): void;
}

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
    private readonly options: CellCursorOptions = {},
  ) {
    this.group = frame.layer('handle', false).append('g').attr('class', 'cell-cursor').attr('tabindex', 0);
    this.group
      .attr('role', 'slider')
      .attr('aria-label', options.label ?? l10n.t('Cell of the heat map'))
      .attr('aria-valuemin', 0);
    this.group.append('rect').attr('class', 'outer');
    this.group.append('rect').attr('class', 'inner');
    this.group.node()!.addEventListener('keydown', (event) => {
      if (options.choose && (event.key === 'Enter' || event.key === ' ')) {
        event.preventDefault();
        options.choose(this.row, this.col);
        return;
      }
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      this.move(this.row + step[0], this.col + step[1]);
      options.reveal?.(this.row, this.col);
    });
  }

  /** A map of so many cells, and the cell that is read out first. */
  reset(rows: number, cols: number, row: number, col: number): void {
    this.rows = rows;
    this.cols = cols;
    this.group.attr('aria-valuemax', rows * cols - 1);
    this.move(row, col);
  }

  get place(): { row: number; col: number } {
    return { row: this.row, col: this.col };
  }

  move(row: number, col: number): void {
    this.row = Math.min(this.rows - 1, Math.max(0, row));
    const cols = this.options.columns?.(this.row) ?? this.cols;
    this.col = Math.min(cols - 1, Math.max(0, col));
    this.group.attr('aria-valuenow', this.row * this.cols + this.col);
    this.group.attr('aria-valuetext', this.describe(this.row, this.col));
    this.draw();
  }

  draw(): void {
    const cell = this.options.box?.(this.row, this.col) ?? this.share();
    const width = Math.max(LEAST_SIZE, cell.width);
    const height = Math.max(LEAST_SIZE, cell.height);
    for (const [name, margin] of [
      ['outer', 1],
      ['inner', 0],
    ] as const) {
      this.group
        .select(`.${name}`)
        .attr('x', cell.left + cell.width / 2 - width / 2 - margin)
        .attr('y', cell.top + cell.height / 2 - height / 2 - margin)
        .attr('width', width + 2 * margin)
        .attr('height', height + 2 * margin);
    }
  }

  private share(): CellBox {
    const [width, height] = [this.frame.width / this.cols, this.frame.height / this.rows];
    return { left: this.col * width, top: this.row * height, width, height };
  }
}
