/**
 * Zooming a plot: a brush drawn with the pointer, Ctrl and the wheel (a pinch on a touchpad says the same), or keys. + and −
 * zoom, arrows move, 0 and Escape show all again, as a double click and a button do. With Shift the arrows move the plot
 * wherever the focus is in it.
 */
import { pointer, type Selection } from 'd3-selection';
import { largestOf, smallestOf } from '../../../extension/shared/extremes';
import { l10n } from '../../../extension/shared/language/l10n';
import { button, type Button } from '../../controls/controls';
import { element } from '../../controls/elements';
import { formatNumber } from '../../numbers/format';
import { partBetween, partWithin, type Continuous } from './zoomedAxis';
import { memoryAround } from './zoomMemory';
import { ZoomView, type ShownPart, type Span, type ZoomAxis } from './zoomView';

export interface ZoomOptions {
  axes: 'x' | 'xy';
  /** Shared with another plot, which keeps it. */
  view?: ZoomView;
  /** Narrowest part of a linear axis. */
  least?: number;
  /** The pointer moves what is zoomed; with Shift it draws a brush. Else the other way round. */
  drag?: 'move';
  /** The panel at a place, if the plot has several on the same axes; the nearest one beside all of them. */
  panelAt?(x: number, y: number): Panel;
  /** The part that is shown, in words; the captions of the axes with their numbers without. */
  words?(part: ShownPart): string;
  /** Of the button that shows all. */
  allLabel?: string;
}

/** In plot coordinates. One without a height is as high as the plot. */
interface Panel {
  left: number;
  width: number;
  top?: number;
  height?: number;
}

/** Shares of the plot. */
const KEY_ZOOM = 0.5;
const KEY_MOVE = 0.25;

/** Pixels of a wheel that zoom by e. */
const WHEEL_SCALE = 300;

/** A shorter way of the pointer was meant for a click. */
const LEAST_BRUSH = 6;

/** What is dragged by itself. */
const OWN_DRAG = '.tail-handle, .rank-handle';

/** How long a part is shown before it is told, and kept. */
const REST_MS = 300;

const ARROWS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** The frame of the plot. */
interface Zoomed {
  readonly width: number;
  readonly height: number;
  redraw(): void;
  layer(name: 'axes' | 'readout', clear: boolean): Selection<SVGGElement, unknown, null, undefined>;
}

type Place = readonly [x: number, y: number];

interface DrawnAxis {
  home: Span;
  scale: Continuous;
  caption: string;
  format: (value: number) => string;
}

export class PlotZoom {
  readonly view: ZoomView;
  readonly all: Button;
  readonly told = element('p', { class: 'hidden', 'aria-live': 'polite' });
  private readonly axes: Partial<Record<ZoomAxis, DrawnAxis>> = {};
  private from: Place | null = null;
  private panel: Panel = { left: 0, width: 0 };
  /** Where the pointer was last while it moves the plot. */
  private last: Place | null = null;
  private isDragging = false;
  private wasDragged = false;
  private timer = 0;
  private isRestored = false;

  constructor(
    private readonly frame: Zoomed,
    private readonly options: ZoomOptions,
    private readonly stage: HTMLElement,
    private readonly svg: SVGSVGElement,
    private readonly title: string,
  ) {
    this.view = options.view ?? new ZoomView();
    this.view.follow(() => this.onChange());
    const label = options.allLabel ?? l10n.t('Show all');
    this.all = button({
      ...{ label, title: l10n.t('{0} (Escape)', label), icon: 'zoom-out', appearance: 'icon' },
      onClick: () => this.showAll(true),
    });
    this.all.hidden = true;
    this.all.classList.add('show-all');
    stage.classList.add('brushable');
    svg.setAttribute('tabindex', '0');
    svg.setAttribute('aria-description', l10n.t('Plus and minus zoom, arrows move, 0 shows all.'));
    this.listen();
  }

  /**
   * Narrows an axis to the part that is shown.
   *
   * @param scale over all of it, low before high
   * @returns true if only a part is shown
   */
  narrow(axis: ZoomAxis, scale: Continuous): boolean {
    const home = scale.domain() as [number, number];
    const part = partWithin(this.view.current[axis], home);
    if (part) scale.domain(part);
    const { caption = axis, format = short } = this.axes[axis] ?? {};
    this.axes[axis] = { home, scale: scale.copy(), caption, format };
    return part !== undefined;
  }

  /** The captions of the axes, for those who listen. */
  caption(axis: ZoomAxis, caption: string, format: (value: number) => string = short): void {
    const drawn = this.axes[axis];
    if (drawn) Object.assign(drawn, { caption, format });
  }

  /** A part of an axis is shown. */
  get isZoomed(): boolean {
    const { current } = this.view;
    return (['x', 'y'] as const).some((axis) => {
      const drawn = this.axes[axis];
      return drawn !== undefined && partWithin(current[axis], drawn.home) !== undefined;
    });
  }

  /** Moves the part that is shown until it holds those numbers. */
  reveal(places: Partial<Record<ZoomAxis, Span>>): void {
    if (!this.isZoomed) return;
    const way = (axis: ZoomAxis, size: number): number => {
      const [drawn, place] = [this.axes[axis], places[axis]];
      if (!drawn || !place) return 0;
      const ends = place.map((value) => drawn.scale(value));
      const [first, last] = [smallestOf(ends), largestOf(ends)];
      // What is larger than the plot begins with it.
      return first < 0 ? first : Math.min(first, Math.max(0, last - size));
    };
    const { width, height } = this.panelSize;
    const [right, down] = [way('x', width), way('y', height)];
    if (right !== 0 || down !== 0) this.move(right, down);
  }

  /** After a drawing. */
  drawn(): void {
    const hadFocus = this.all.contains(document.activeElement);
    this.all.hidden = !this.isZoomed;
    if (this.all.hidden && hadFocus) this.svg.focus({ preventScroll: true });
  }

  /** Before the first drawing: as it was left. */
  restore(): void {
    if (this.isRestored || this.options.view) return;
    this.isRestored = true;
    const part = memoryAround(this.stage)?.zoomOf(this.title);
    if (part) this.view.show(part);
  }

  private onChange(): void {
    this.frame.redraw();
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      if (this.options.view) return;
      this.told.textContent = this.words();
      memoryAround(this.stage)?.zoomed(this.title, this.isZoomed ? this.view.current : null);
    }, REST_MS);
  }

  private words(): string {
    if (!this.isZoomed) return l10n.t('All is shown.');
    const { current } = this.view;
    if (this.options.words) return this.options.words(current);
    const parts = (['x', 'y'] as const).flatMap((axis) => {
      const [drawn, span] = [this.axes[axis], current[axis]];
      return drawn && span
        ? [l10n.t('Shown: {0} from {1} to {2}.', drawn.caption, drawn.format(span[0]), drawn.format(span[1]))]
        : [];
    });
    return parts.join(' ');
  }

  private showAll(toPlot: boolean): void {
    this.view.show({});
    if (toPlot) this.svg.focus({ preventScroll: true });
  }

  private listen(): void {
    const { stage } = this;
    // Before handles and cursors, which take arrows without asking for Shift.
    stage.addEventListener('keydown', (event) => this.onKey(event), { capture: true });
    stage.addEventListener('wheel', (event) => this.onWheel(event), { passive: false });
    stage.addEventListener('dblclick', (event) => {
      if (!(event.target as Element).closest(OWN_DRAG)) this.showAll(false);
    });
    stage.addEventListener('pointerdown', (event) => {
      this.wasDragged = false;
      const at = this.at(event);
      // A finger scrolls the page.
      if (event.button !== 0 || event.pointerType === 'touch' || !this.isInside(at)) return;
      if ((event.target as Element).closest(OWN_DRAG)) return;
      this.from = at;
      this.panel = this.panelAt(at);
      this.last = (this.options.drag === 'move') !== event.shiftKey && this.isZoomed ? at : null;
    });
    stage.addEventListener('pointermove', (event) => this.onMove(event));
    stage.addEventListener('pointerup', (event) => {
      const { from, isDragging, last } = this;
      this.end();
      const to = this.bounded(this.at(event));
      if (from && isDragging && !last) this.showBetween(this.within(this.bounded(from)), this.within(to));
    });
    stage.addEventListener('pointercancel', () => this.end());
    stage.addEventListener('selectstart', (event) => {
      if (this.from) event.preventDefault();
    });
    // What ended a drag is no click on what lies there.
    const notAClick = (event: Event): void => {
      if (!this.wasDragged) return;
      this.wasDragged = false;
      event.preventDefault();
      event.stopPropagation();
    };
    stage.addEventListener('click', notAClick, { capture: true });
  }

  private onMove(event: PointerEvent): void {
    const { from, last } = this;
    if (!from) return;
    if ((event.buttons & 1) === 0) {
      this.end();
      return;
    }
    const at = this.at(event);
    if (!this.isDragging) {
      if (Math.max(Math.abs(at[0] - from[0]), Math.abs(at[1] - from[1])) < LEAST_BRUSH) return;
      this.isDragging = true;
      this.wasDragged = true;
      this.stage.setPointerCapture(event.pointerId);
      this.stage.classList.toggle('moving', last !== null);
    }
    if (!last) {
      this.drawBrush(from, this.bounded(at));
      return;
    }
    this.last = at;
    this.move(last[0] - at[0], last[1] - at[1]);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.panelSize;
    const arrow = event.shiftKey || event.target === this.svg ? ARROWS[event.key] : undefined;
    if (arrow) this.move(arrow[0] * KEY_MOVE * width, arrow[1] * KEY_MOVE * height);
    else if (event.key === '+' || event.key === '=') this.zoom(KEY_ZOOM, [width / 2, height / 2]);
    else if (event.key === '-' || event.key === '_') this.zoom(1 / KEY_ZOOM, [width / 2, height / 2]);
    else if (event.key === '0') this.showAll(false);
    else if (event.key === 'Escape' && this.isDragging) this.end();
    else if (event.key === 'Escape' && this.isZoomed) this.showAll(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** With Ctrl alone: else one could not scroll past the plot. */
  private onWheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const [x, y] = this.at(event);
    this.panel = this.panelAt([x, y]);
    this.zoom(Math.exp(event.deltaY / WHEEL_SCALE), this.within(this.bounded([x, y])));
  }

  /** @param share that is seen of what is seen now @param place in a panel */
  private zoom(share: number, [x, y]: Place): void {
    const { width, height } = this.panelSize;
    this.showBetween([x - share * x, y - share * y], [x + share * (width - x), y + share * (height - y)]);
  }

  private move(right: number, down: number): void {
    if (!this.isZoomed) return;
    const { width, height } = this.panelSize;
    this.showBetween([right, down], [right + width, down + height]);
  }

  private showBetween(from: Place, to: Place): void {
    const between = (axis: ZoomAxis, i: 0 | 1): ShownPart => {
      const drawn = this.axes[axis];
      if (!drawn || !this.options.axes.includes(axis)) return {};
      const [first, end] = [Math.min(from[i], to[i]), Math.max(from[i], to[i])];
      const part = partBetween(drawn.scale, drawn.home, first, end, this.options.least);
      return part ? { [axis]: part } : {};
    };
    this.view.show({ ...between('x', 0), ...between('y', 1) });
  }

  private drawBrush(from: Place, to: Place): void {
    const { top: ceiling = 0, height = this.frame.height } = this.panel;
    const isWide = this.options.axes === 'x';
    const [left, right] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])];
    const [top, bottom] = isWide ? [ceiling, ceiling + height] : [Math.min(from[1], to[1]), Math.max(from[1], to[1])];
    this.frame
      .layer('readout', false)
      .selectAll('.brush')
      .data([null])
      .join('rect')
      .attr('class', 'brush')
      .attr('x', left)
      .attr('y', top)
      .attr('width', right - left)
      .attr('height', bottom - top);
  }

  private end(): void {
    this.from = null;
    this.last = null;
    this.isDragging = false;
    this.stage.classList.remove('moving');
    this.frame.layer('readout', false).selectAll('.brush').remove();
  }

  private at(event: MouseEvent): Place {
    return pointer(event, this.frame.layer('axes', false).node());
  }

  private isInside([x, y]: Place): boolean {
    return x >= 0 && x <= this.frame.width && y >= 0 && y <= this.frame.height;
  }

  private bounded([x, y]: Place): Place {
    const { left, width, top = 0, height = this.frame.height } = this.panel;
    return [Math.min(left + width, Math.max(left, x)), Math.min(top + height, Math.max(top, y))];
  }

  /** A place of the plot in the panel's own pixels. */
  private within([x, y]: Place): Place {
    return [x - this.panel.left, y - (this.panel.top ?? 0)];
  }

  private panelAt([x, y]: Place): Panel {
    return this.options.panelAt?.(x, y) ?? { left: 0, width: this.frame.width };
  }

  /** All panels have one size. */
  private get panelSize(): { width: number; height: number } {
    const { width, height = this.frame.height } = this.panelAt([0, 0]);
    return { width, height };
  }
}

function short(value: number): string {
  return formatNumber(value, 3);
}
