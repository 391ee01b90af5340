/**
 * One axis of a table that is too large to lie in the page: which lines are in sight. A browser scrolls over some ten
 * million pixels; a longer table moves by more than a pixel for each of them. Pure.
 */

/** Longest way that the scroll bar stands for. */
const MOST_PIXELS = 8_000_000;

export class ScrolledAxis {
  /** Pixels of the table before what is in sight. */
  private offset = 0;

  /**
   * @param count lines
   * @param size of a line in pixels
   */
  constructor(
    readonly count: number,
    readonly size: number,
  ) {}

  /** Of the space that the scroll bar moves over. */
  get pixels(): number {
    return Math.min(MOST_PIXELS, this.count * this.size);
  }

  /** A pixel of the scroll bar is more than one of the table. */
  get isScaled(): boolean {
    return this.count * this.size > MOST_PIXELS;
  }

  get before(): number {
    return this.offset;
  }

  /** @param shown pixels in sight, as below. @returns whether that moved anything */
  moveTo(offset: number, shown: number): boolean {
    const most = Math.max(0, this.count * this.size - shown);
    const bounded = Math.min(most, Math.max(0, offset));
    const moved = bounded !== this.offset;
    this.offset = bounded;
    return moved;
  }

  /** Takes the scroll bar's place; where a step of it is coarser than where the table is, the table stays. */
  scrolledTo(position: number, shown: number): void {
    if (Math.abs(position - this.position(shown)) < 1) return;
    const way = Math.max(1, this.pixels - shown);
    const all = Math.max(0, this.count * this.size - shown);
    this.moveTo(this.isScaled ? (position / way) * all : position, shown);
  }

  /** Where the scroll bar belongs. */
  position(shown: number): number {
    if (!this.isScaled) return this.offset;
    const all = Math.max(1, this.count * this.size - shown);
    return (this.offset / all) * Math.max(0, this.pixels - shown);
  }

  /** Moves just so far that the line is in sight. */
  reveal(line: number, shown: number): boolean {
    const start = line * this.size;
    if (start < this.offset) return this.moveTo(start, shown);
    if (start + this.size > this.offset + shown) return this.moveTo(start + this.size - shown, shown);
    return false;
  }

  /** Lines in sight, cut ones among them. */
  lines(shown: number): { first: number; end: number } {
    const first = Math.floor(this.offset / this.size);
    return { first, end: Math.min(this.count, Math.ceil((this.offset + shown) / this.size)) };
  }
}
