/**
 * An animated picture of a window: pictures of it, each shown for a time that the script states, and the mouse, which
 * pictures of a browser leave out. What takes its time in the window takes none in the film.
 */
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { repositoryRoot } from '../../harness/shared';

interface Point {
  x: number;
  y: number;
}

interface ClickOptions {
  at?: Point;
  button?: 'left' | 'right';
}

const MIDDLE: Point = { x: 0.5, y: 0.5 };

/** An arrow as large as a mouse's. */
const POINTER = `
  const pointer = document.createElement('div');
  pointer.id = 'film-pointer';
  const arrow = document.createElement('div');
  arrow.style.cssText = 'width: 14px; height: 20px; background: black;' +
    'clip-path: polygon(0 0, 0 86%, 28% 66%, 46% 100%, 64% 92%, 46% 60%, 86% 60%)';
  pointer.style.cssText = 'position: fixed; left: 0; top: 0; z-index: 2147483647; pointer-events: none;' +
    'filter: drop-shadow(1px 0 white) drop-shadow(-1px 0 white) drop-shadow(0 1px white) drop-shadow(0 -1px white)';
  pointer.append(arrow);
  document.body.append(pointer);`;

/** Moves in a film: fast enough to follow, slow enough to see. */
const STEPS = 5;
const STEP_MS = 80;

/** What a click does fades in within this time. */
const SETTLE_MS = 350;

/** Colours of each picture: a user interface has few. */
const COLOURS = 128;

/** Encodes the pictures in a browser, which decodes them, too. @returns the GIF in base64 */
const ENCODE = `async ({ frames, width, height, maxColors }) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const encoder = new modernGif.Encoder({ width, height, maxColors, looped: true, loopCount: 0 });
  for (const { picture, ms } of frames) {
    const response = await fetch('data:image/png;base64,' + picture);
    context.drawImage(await createImageBitmap(await response.blob()), 0, 0);
    await encoder.encode({ data: context.getImageData(0, 0, width, height).data, delay: ms });
  }
  const bytes = new Uint8Array(await encoder.flush('arrayBuffer'));
  let text = '';
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}`;

export class Film {
  private readonly frames: { picture: string; ms: number }[] = [];
  private mouse: Point;

  private constructor(
    private readonly page: Page,
    private readonly clip: Point & { width: number; height: number },
  ) {
    this.mouse = { x: clip.width / 2, y: clip.height / 2 };
  }

  /** @param clip the part of the window that is shown, in pixels */
  static async of(page: Page, clip: Film['clip']): Promise<Film> {
    await page.evaluate(POINTER);
    const film = new Film(page, clip);
    await film.point(film.mouse);
    return film;
  }

  get seconds(): number {
    return this.frames.reduce((sum, { ms }) => sum + ms, 0) / 1000;
  }

  /** Shows what is seen now for so long. */
  async hold(ms: number): Promise<void> {
    const picture = (await this.page.screenshot({ clip: this.clip })).toString('base64');
    const last = this.frames.at(-1);
    if (last?.picture === picture) last.ms += ms;
    else this.frames.push({ picture, ms });
  }

  /** Holds what follows an event once it has faded in. */
  async settled(ms: number): Promise<void> {
    await this.page.waitForTimeout(SETTLE_MS);
    await this.hold(ms);
  }

  /** @param at where in the target, as shares of its width and height */
  async moveTo(target: Locator | Point, at = MIDDLE): Promise<void> {
    const end = 'x' in target ? target : await pointIn(target, at);
    const { x, y } = this.mouse;
    for (let step = 1; step <= STEPS; step++) {
      // Slower where it ends, as a hand is.
      const share = 1 - (1 - step / STEPS) ** 2;
      await this.point({ x: x + (end.x - x) * share, y: y + (end.y - y) * share });
      await this.hold(STEP_MS);
    }
  }

  async click(target: Locator, { at = MIDDLE, button = 'left' }: ClickOptions = {}): Promise<void> {
    await this.moveTo(target, at);
    await this.page.mouse.click(this.mouse.x, this.mouse.y, { button });
  }

  /** Drags what is at `from` to a place so far beside it. */
  async drag(from: Locator, by: Point): Promise<void> {
    await this.moveTo(from);
    await this.page.mouse.down();
    const { x, y } = this.mouse;
    await this.moveTo({ x: x + by.x, y: y + by.y });
    await this.settled(300);
    await this.page.mouse.up();
  }

  /** The film as a GIF that plays again and again. */
  async gif(): Promise<Buffer> {
    const studio = await this.page.context().newPage();
    try {
      await studio.addScriptTag({ path: path.join(repositoryRoot, 'node_modules/modern-gif/dist/index.js') });
      const { width, height } = this.clip;
      const order = JSON.stringify({ frames: this.frames, width, height, maxColors: COLOURS });
      return Buffer.from(await studio.evaluate<string>(`(${ENCODE})(${order})`), 'base64');
    } finally {
      await studio.close();
    }
  }

  private async point({ x, y }: Point): Promise<void> {
    this.mouse = { x, y };
    await this.page.mouse.move(x, y);
    await this.page.evaluate(
      `document.getElementById('film-pointer').style.translate = '${Math.round(x)}px ${Math.round(y)}px'`,
    );
  }
}

async function pointIn(target: Locator, at: Point): Promise<Point> {
  await target.waitFor();
  await target.scrollIntoViewIfNeeded();
  const box = await target.boundingBox();
  if (!box) throw new Error('what the mouse goes to is not shown');
  return { x: box.x + box.width * at.x, y: box.y + box.height * at.y };
}
