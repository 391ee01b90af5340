/** One line on the terminal that says what is going on; silent where the stream is no terminal. */
import type { WriteStream } from 'node:tty';
import { shortCell, visible } from '../../shared/visibleText';

/** Redrawing faster than this only costs time. */
const REDRAW_MS = 80;

export class ProgressLine {
  private done = 0;
  private total = 0;
  private text = '';
  private drawn = 0;
  private finished = false;

  constructor(private readonly stream: WriteStream) {}

  count(done: number, total: number): void {
    this.done = done;
    this.total = total;
    this.draw();
  }

  layer(text: string): void {
    this.text = text;
    this.draw();
  }

  /** A sentence that stays. */
  note(message: string): void {
    this.clear();
    this.stream.write(`${visible(message)}\n`);
  }

  /** Takes the line away for good: what the engine still reports while it ends would be drawn below the results. */
  finish(): void {
    this.finished = true;
    this.clear();
  }

  private clear(): void {
    if (this.stream.isTTY) this.stream.write('\r\x1b[2K');
  }

  private draw(): void {
    const now = performance.now();
    if (!this.stream.isTTY || this.finished || now - this.drawn < REDRAW_MS) return;
    this.drawn = now;
    const count = this.total > 0 ? `${this.done}/${this.total} ` : '';
    const line = shortCell(`${count}${this.text}`, Math.max(20, this.stream.columns - 1));
    this.stream.write(`\r\x1b[2K${line}`);
  }
}
