/**
 * What every plot shares: a figure with a title, a sentence that says the finding (its accessible name), a table
 * twin, pictures to keep, a read-out under the pointer, zooming, and drawing anew when its size or the theme changes.
 */
import { pointer, select, type Selection } from 'd3-selection';
import { l10n } from '../../extension/shared/language/l10n';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { THEME_CHANGE } from '../controls/theme';
import { pictureOf, type Picture } from './pictures/picture';
import { showPictures } from './pictures/pictureMenu';
import { inTheme, type PictureTheme } from './pictures/pictureTheme';
import type { TwinTable } from './twin';
import { twinTable } from './twinTable';
import { PlotZoom, type ZoomOptions } from './zoom/plotZoom';
import type { Continuous } from './zoom/zoomedAxis';
import type { ZoomAxis } from './zoom/zoomView';

export type Layer = Selection<SVGGElement, unknown, null, undefined>;

export interface PlotMargin {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export interface PlotOptions {
  title: string;
  /** Whole height in pixels, axes included; the width follows the room there is. */
  height: number;
  /** It grows with the width: this share of it, up to so many pixels. */
  growth?: { aspect: number; most: number };
  /** Whole height for a whole width, in place of `height` and `growth`. */
  heightAt?(width: number): number;
  margin: PlotMargin;
  /** Draws everything for the present size. */
  draw(frame: PlotFrame): void;
  /** The same numbers as a table. */
  twin(): TwinTable;
  /** File name of an export, without suffix. */
  fileName(): string;
  /** Lines of the read-out at a place in the plot, in plot coordinates; null where there is nothing to say. */
  readout?(x: number, y: number): { x: number; lines: string[] } | null;
  /** A click at a place in the plot, in plot coordinates. */
  pick?(x: number, y: number): void;
  /** Controls beside the title. */
  controls?: HTMLElement[];
  /** A part of it can be shown alone; `draw` says by `narrow` what its axes are. */
  zoom?: ZoomOptions;
}

/** Groups from back to front: what is drawn, then what is read, then what is grabbed. */
const LAYERS = ['axes', 'bars', 'points', 'marks', 'fit', 'readout', 'handle'] as const;
export type LayerName = (typeof LAYERS)[number];

/** What is drawn by its numbers, and ends with the plot if a part is shown alone. */
const CLIPPED: readonly LayerName[] = ['bars', 'points', 'fit'];

let clips = 0;

/** A plot is not drawn narrower than this: its axes would have no room. */
const LEAST_WIDTH = 160;

export class PlotFrame {
  readonly element: HTMLElement;
  readonly canvas = element('canvas', { class: 'plot-canvas', 'aria-hidden': 'true' });
  /** Size of the area inside the margins, in pixels. */
  width = 0;
  height: number;
  readonly margin: PlotMargin;

  private readonly svg: Selection<SVGSVGElement, unknown, null, undefined>;
  private readonly area: Layer;
  private readonly layers: Record<LayerName, Layer>;
  private readonly stage: HTMLElement;
  /** Seen only: who listens hears it as the name of the plot. */
  private readonly finding = element('p', { class: 'plot-finding', 'aria-hidden': 'true' });
  private readonly tip = element('div', { class: 'plot-tip', 'aria-hidden': 'true', hidden: true });
  private readonly twinPlace = element('div', { class: 'plot-twin', hidden: true });
  private readonly twinButton: Button;
  private outerWidth = 0;
  private outerHeight: number;
  readonly zoom: PlotZoom | null;
  private readonly clip: Selection<SVGClipPathElement, unknown, null, undefined>;

  constructor(private readonly options: PlotOptions) {
    const { margin, height } = options;
    this.margin = margin;
    this.height = height - margin.top - margin.bottom;
    this.outerHeight = height;
    this.svg = select(document.createElementNS('http://www.w3.org/2000/svg', 'svg'))
      .attr('class', 'plot-svg')
      .attr('height', height);
    this.area = this.svg.append('g').attr('transform', `translate(${margin.left},${margin.top})`);
    const groups = LAYERS.map((name) => [name, this.area.append('g').attr('class', `layer-${name}`)] as const);
    groups[0]![1].attr('aria-hidden', 'true');
    this.layers = Object.fromEntries(groups) as Record<LayerName, Layer>;
    clips += 1;
    this.clip = select(document.createElementNS('http://www.w3.org/2000/svg', 'clipPath')).attr(
      'id',
      `plot-clip-${clips}`,
    );
    this.clip.append('rect');
    this.stage = element('div', { class: 'plot-stage' }, this.canvas, this.svg.node(), this.tip);
    this.stage.style.height = `${height}px`;
    this.zoom = options.zoom ? new PlotZoom(this, options.zoom, this.stage, this.svg.node()!, options.title) : null;
    this.twinButton = button({
      label: l10n.t('Show as table'),
      icon: 'table',
      appearance: 'icon',
      onClick: () => this.toggleTwin(),
    });
    this.twinButton.setAttribute('aria-pressed', 'false');
    const save = button({
      label: l10n.t('Save plot'),
      icon: 'desktop-download',
      appearance: 'icon',
      onClick: () => showPictures(save, options.fileName(), (theme) => this.picture(theme)),
    });
    save.setAttribute('aria-haspopup', 'menu');
    this.element = element(
      'figure',
      { class: 'plot' },
      element(
        'div',
        { class: 'plot-head' },
        element('h3', { class: 'plot-title' }, options.title),
        element('div', { class: 'plot-controls' }, ...(options.controls ?? []), this.zoom?.all, this.twinButton, save),
      ),
      this.finding,
      this.stage,
      this.zoom?.told,
      this.twinPlace,
    );
    if (options.readout) this.listenForPointer();
    if (options.pick) {
      this.stage.classList.add('clickable');
      this.stage.addEventListener('click', (event) => options.pick!(...pointer(event, this.area.node())));
    }
    new ResizeObserver(() => {
      // An observer may not change the size that it observes: the height follows in the next frame.
      if (this.heightFor(this.stage.clientWidth) === this.outerHeight) this.resize();
      else requestAnimationFrame(() => this.resize());
    }).observe(this.stage);
    this.element.addEventListener(THEME_CHANGE, () => this.redraw());
  }

  /** Its height may be another one for what it shows now; redraws it. */
  refit(): void {
    if (this.outerWidth > 0 && this.heightFor(this.outerWidth) !== this.outerHeight) this.fit(this.outerWidth);
    this.redraw();
  }

  /** A group that stays across drawings; `clear` empties it. */
  layer(name: LayerName, clear = true): Layer {
    const found = this.layers[name];
    if (clear) found.selectChildren().remove();
    return found;
  }

  /** What the plot shows, in a sentence: shown above it and read out as its name. */
  setFinding(text: string): void {
    this.finding.textContent = text;
    this.svg.attr('role', 'group').attr('aria-label', `${this.options.title}. ${text}`);
    if (!this.twinPlace.hidden) this.fillTwin();
  }

  redraw(): void {
    if (this.width <= 0) return;
    this.options.draw(this);
    if (!this.zoom) return;
    this.zoom.drawn();
    const clip = this.clip.node()!;
    const { isZoomed } = this.zoom;
    if (isZoomed) this.svg.node()!.prepend(clip);
    else clip.remove();
    for (const name of CLIPPED) this.layers[name].attr('clip-path', isZoomed ? `url(#${clip.id})` : null);
    this.clip.select('rect').attr('width', this.width).attr('height', this.height);
  }

  /**
   * Narrows an axis to the part of it that is shown.
   *
   * @param scale over all of it, low before high
   * @returns true if only a part is shown
   */
  narrow(axis: ZoomAxis, scale: Continuous): boolean {
    return this.zoom?.narrow(axis, scale) ?? false;
  }

  /** What the plot shows, as a picture. `data-about` of what is around it says of what. */
  private picture(theme: PictureTheme): Picture {
    const { options, finding: text } = this;
    const about = this.element.closest<HTMLElement>('[data-about]')?.dataset.about ?? '';
    const plot = {
      ...{ svg: this.svg.node()!, canvas: this.canvas, margin: options.margin, about },
      ...{ width: this.outerWidth, height: this.outerHeight, title: options.title, finding: text.textContent },
    };
    const picture = inTheme(theme, () => {
      this.redraw();
      return pictureOf(plot, text);
    });
    this.redraw();
    return picture;
  }

  private resize(): void {
    const width = Math.max(LEAST_WIDTH, this.stage.clientWidth);
    if (width === this.outerWidth || this.stage.clientWidth === 0) return;
    this.fit(width);
    this.zoom?.restore();
    this.redraw();
  }

  private fit(width: number): void {
    this.outerWidth = width;
    const { margin } = this.options;
    this.width = width - margin.left - margin.right;
    this.outerHeight = this.heightFor(width);
    this.height = this.outerHeight - margin.top - margin.bottom;
    this.stage.style.height = `${this.outerHeight}px`;
    this.svg.attr('width', width).attr('height', this.outerHeight).attr('viewBox', `0 0 ${width} ${this.outerHeight}`);
  }

  private heightFor(width: number): number {
    const { options } = this;
    const { height, growth } = options;
    if (options.heightAt) return options.heightAt(width);
    return growth ? Math.max(height, Math.min(growth.most, Math.round(growth.aspect * width))) : height;
  }

  private toggleTwin(): void {
    const shows = this.twinPlace.hidden;
    this.twinPlace.hidden = !shows;
    this.stage.hidden = shows;
    this.twinButton.setAttribute('aria-pressed', String(shows));
    this.twinButton.setAttribute('aria-label', shows ? l10n.t('Show as plot') : l10n.t('Show as table'));
    this.twinButton.title = shows ? l10n.t('Show as plot') : l10n.t('Show as table');
    if (shows) this.fillTwin();
  }

  private fillTwin(): void {
    this.twinPlace.replaceChildren(twinTable(this.options.twin()));
  }

  private listenForPointer(): void {
    const rule = this.layer('readout').append('line').attr('class', 'crosshair').attr('y1', 0);
    rule.attr('visibility', 'hidden');
    const hide = (): void => {
      this.tip.hidden = true;
      rule.attr('visibility', 'hidden');
    };
    this.stage.addEventListener('pointerleave', hide);
    this.stage.addEventListener('pointermove', (event) => {
      const [x, y] = pointer(event, this.area.node());
      const inside = x >= 0 && x <= this.width && y >= 0 && y <= this.height;
      const found = inside ? this.options.readout!(x, y) : null;
      if (!found) {
        hide();
        return;
      }
      rule.attr('x1', found.x).attr('x2', found.x).attr('y2', this.height).attr('visibility', 'visible');
      this.tip.replaceChildren(...found.lines.map((line) => element('div', {}, line)));
      this.tip.hidden = false;
      const left = found.x + this.options.margin.left;
      const beside = left + 12 + this.tip.offsetWidth > this.outerWidth ? left - 12 - this.tip.offsetWidth : left + 12;
      this.tip.style.left = `${Math.max(0, beside)}px`;
      this.tip.style.top = `${this.options.margin.top}px`;
    });
  }
}
