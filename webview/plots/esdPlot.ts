/**
 * The empirical spectral density of a layer on log axes: histogram or CCDF, the fitted power-law tail, the edge of the
 * random bulk, and xmin to be moved, with alpha and D following.
 */
import { l10n } from '../../extension/shared/language/l10n';
import { scaleLog, type ScaleLogarithmic } from 'd3-scale';
import type { FitRule, PowerLawFit } from '../../extension/shared/layers';
import { lowerBound } from '../../extension/spectral/tail/bounds';
import { tailAt } from '../../extension/spectral/tail/powerLaw';
import type { JudgedAlpha } from '../../extension/shared/verdict';
import { verdictMark, type VerdictMark } from '../numbers/verdictMark';
import { button, checkbox, dropdown, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatCount, formatNumber, formatPercent } from '../numbers/format';
import { drawAxes } from './axes';
import { BulkLaw } from './bulkLaw';
import type { EsdInput, Tail, TailFollower } from './esdInput';
import { PlotFrame } from './plotFrame';
import { chosenTail, tailFrom } from './chosenTail';
import { drawBars, drawCcdf, drawEdge, drawLaw, drawNothing, drawShuffled, drawTailLine } from './esdMarks';
import { ccdfTwin, densityTwin } from './esdTwin';
import { reading } from './reading';
import {
  AXIS_MARGIN,
  mainSpectrum,
  tailPart,
  wholeSpectrum,
  windowBetween,
  type SpectrumWindow,
} from './spectrumWindow';
import { sentence, tailFinding } from './tailFinding';
import { TailHandle } from './tailHandle';
import type { TwinTable } from './twin';
import type { PlotZoom } from './zoom/plotZoom';
import type { Span, ZoomView } from './zoom/zoomView';
import { largestOf, smallestOf } from '../../extension/shared/extremes';

/** Steps of an arrow key over the whole spectrum: one value where there are few, more where there are 10⁵. */
const ARROW_STEPS = 400;

/** How long xmin rests before its tail is judged. */
const REST_MS = 150;

const RULE_LABELS: Record<FitRule, string> = { KS: 'KS', xmin_mid: 'xmin_mid', xmin_peak: 'xmin_peak' };

export class EsdPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly handle: TailHandle;
  private readonly whole: SpectrumWindow;
  private readonly main: SpectrumWindow;
  /** What is drawn if it is not zoomed: `main`, or `whole` on request. */
  private base: SpectrumWindow;
  /** The part of the spectrum that is drawn. */
  private window: SpectrumWindow;
  private readonly zoom: Button;
  private readonly readings = element('dl', { class: 'readings', 'aria-live': 'off' });
  private readonly verdict = element('p', { class: 'verdict', 'aria-live': 'polite' });
  /** Verdict on the current tail; undefined while a moved tail is not judged yet. */
  private judged: JudgedAlpha | undefined;
  private judging = 0;
  private readonly reset: Button;
  private cumulative = false;
  private readonly law: BulkLaw | null;
  private shuffled: Float64Array | null = null;
  private follower: TailFollower | null = null;
  private fit: PowerLawFit;
  private tail: Tail | null;
  private lastPart: { part: Span; window: SpectrumWindow } | null = null;
  private x: ScaleLogarithmic<number, number> = scaleLog();

  constructor(private readonly input: EsdInput) {
    const { eigenvalues, edge, Q, chosen } = input;
    this.law = edge !== null && edge > 0 && Q !== undefined && Q >= 1 ? new BulkLaw(eigenvalues, edge, Q) : null;
    this.whole = wholeSpectrum(eigenvalues);
    this.fit = input.fits.find(({ rule }) => rule === chosen?.rule) ?? input.fits[0]!;
    this.tail = (chosen && tailFrom(eigenvalues, this.fit, chosen)) ?? this.fittedTail();
    this.main = mainSpectrum(input.eigenvalues, this.tail?.start);
    this.base = this.main;
    this.window = this.base;
    this.judged = this.judgeTail();
    this.reset = button({
      label: l10n.t('Back to the fitted xmin'),
      icon: 'discard',
      appearance: 'icon',
      onClick: () => this.show(this.fit),
    });
    this.zoom = button({
      ...{ label: l10n.t('Zoom to the tail'), icon: 'zoom-in', appearance: 'icon' },
      onClick: () => this.zoomToTail(),
    });
    const choices = input.fits.map((fit) => ({ value: fit.rule, label: RULE_LABELS[fit.rule] }));
    const rule = dropdown(l10n.t('Rule for xmin'), choices, this.fit.rule, (value) =>
      this.show(input.fits.find((fit) => fit.rule === value)!),
    );
    rule.classList.add('rule');
    const ccdf = checkbox('CCDF', false, (checked) => {
      this.cumulative = checked;
      this.frame.redraw();
    });
    ccdf.title = l10n.t('Share of the eigenvalues at or above λ, instead of their density');
    const all = checkbox(l10n.t('All'), false, (checked) => {
      this.base = checked ? this.whole : this.main;
      this.zoomed.view.show({});
      this.frame.redraw();
      this.describe();
    });
    all.title = l10n.many(
      this.dust,
      'Also the 1 smallest eigenvalue, below {1}',
      'Also the {0} smallest eigenvalues, below {1}',
      formatCount(this.dust),
      this.dustEdge(),
    );
    this.frame = new PlotFrame({
      title: input.title,
      height: 280,
      growth: { aspect: 0.5, most: 460 },
      margin: { top: 28, right: 14, bottom: 40, left: 46 },
      draw: () => this.draw(),
      twin: () => this.twin(),
      fileName: () => `${input.layer}-${input.title}`,
      readout: (x) => this.readout(x),
      zoom: { axes: 'x', allLabel: l10n.t('Show bulk and tail') },
      controls: [this.reset, ...(choices.length > 1 ? [rule] : []), ccdf, ...(this.dust > 0 ? [all] : []), this.zoom],
    });
    this.element = this.frame.element;
    this.element.classList.add('esd');
    this.element.querySelector('.plot-finding')!.before(this.readings, this.verdict);
    this.handle = new TailHandle(this.frame, {
      label: l10n.t('Start of the tail, xmin'),
      onDrag: (x) => this.moveTail(lowerBound(input.eigenvalues, this.x.invert(x))),
      onStep: (steps) => this.stepTail(steps),
    });
    this.describe();
  }

  /** Eigenvalues above zero that are left of the axis until all are asked for. */
  private get dust(): number {
    return this.main.first - this.whole.first;
  }

  /** Where the dust ends. */
  private dustEdge(): string {
    return formatNumber(this.input.eigenvalues[this.main.first] ?? 0, 2);
  }

  /** Takes a fit's own tail. */
  private show(fit: PowerLawFit): void {
    this.fit = fit;
    this.tail = this.fittedTail();
    this.input.onChoose?.(fit === this.input.fits[0] ? null : { rule: fit.rule, xmin: null });
    this.rejudge();
    const { start } = this.tail ?? { start: -1 };
    const isShown = start >= this.window.first && start < this.window.end;
    if (this.tail && !isShown && this.zoomed.isZoomed) this.zoomToTail();
    else this.frame.redraw();
  }

  /** The tail may be another one, or more may be known of it. */
  rejudge(): void {
    window.clearTimeout(this.judging);
    this.judged = this.judgeTail();
    this.describe();
  }

  private judgeTail(): JudgedAlpha | undefined {
    const { fit, tail, input } = this;
    const { eigenvalues, judge } = input;
    if (fit.rule !== 'KS' || !judge) return undefined;
    if (!tail || tail.start === this.fittedTail()?.start) return judge();
    return judge(chosenTail(eigenvalues, tail));
  }

  private get zoomed(): PlotZoom {
    return this.frame.zoom!;
  }

  /** The part of λ that is shown, which another plot may share. */
  get view(): ZoomView {
    return this.zoomed.view;
  }

  private zoomToTail(): void {
    if (this.tail) this.view.show({ x: tailPart(this.input.eigenvalues, this.tail.start) });
  }

  private fittedTail(): Tail | null {
    const { alpha, D, xmin } = this.fit;
    if (alpha === null || D === null || xmin === null) return null;
    return { start: lowerBound(this.input.eigenvalues, xmin), alpha, D };
  }

  /** That plot shows what this one shows, from now on. */
  follow(follower: TailFollower): void {
    this.follower = follower;
    this.tellFollower();
  }

  /** λ ascending of the same entries in random order; null takes them away. */
  showShuffled(eigenvalues: Float64Array | null): void {
    this.shuffled = eigenvalues;
    this.frame.redraw();
    this.describe();
  }

  private tellFollower(): void {
    const { follower, fit, tail } = this;
    follower?.show(fit, tail, this.fittedTail()?.start ?? -1);
  }

  /** @param start index of the first eigenvalue of the tail; what is no tail changes nothing */
  moveTail(start: number): void {
    const { eigenvalues } = this.input;
    const { first, end } = this.window;
    // The last value alone is no tail. What is out of sight cannot be moved.
    const bounded = Math.min(Math.max(start, first), end - 1, eigenvalues.length - 2);
    if (bounded < first || bounded === this.tail?.start) return;
    this.tail = { start: bounded, ...tailAt(eigenvalues, bounded) };
    // Comparing laws on its tail takes longer than a step of the drag.
    window.clearTimeout(this.judging);
    this.judged = undefined;
    this.judging = window.setTimeout(() => {
      this.rejudge();
      this.input.onChoose?.({ rule: this.fit.rule, xmin: eigenvalues[bounded]! });
    }, REST_MS);
    this.describe();
    this.frame.redraw();
  }

  /** @param steps as in `TailHandleOptions` */
  stepTail(steps: number): void {
    if (!this.tail) return;
    const step = Math.max(1, Math.round(this.input.eigenvalues.length / ARROW_STEPS));
    if (Number.isFinite(steps)) this.moveTail(this.tail.start + steps * step);
    else this.moveTail(steps < 0 ? 0 : this.input.eigenvalues.length);
  }

  private describe(): void {
    const { eigenvalues, interval, sampling } = this.input;
    const { tail, fit } = this;
    const fitted = this.fittedTail();
    const moved = tail !== null && tail.start !== fitted?.start;
    this.tellFollower();
    this.reset.hidden = !moved;
    this.zoom.hidden = !tail;
    if (!tail) {
      const reason = fit.reason === undefined ? l10n.t('no valid tail') : l10n.known(fit.reason);
      this.readings.replaceChildren(reading(l10n.t('power-law fit'), l10n.t('none'), '', reason));
      this.frame.setFinding(l10n.t('No power-law fit: {0}.', reason));
      this.verdict.hidden = true;
      return;
    }
    const mark = this.judged && verdictMark(this.judged, tail.alpha);
    this.showVerdict(mark);
    const count = eigenvalues.length - tail.start;
    const share = formatPercent(count / eigenvalues.length, 2);
    const alpha = formatNumber(tail.alpha, 4);
    const spread =
      !moved && interval
        ? `${formatNumber(interval[0], 3)} – ${formatNumber(interval[1], 3)}`
        : `± ${formatNumber((tail.alpha - 1) / Math.sqrt(count), 2)}`;
    const xmin = formatNumber(eigenvalues[tail.start]!, 3);
    this.readings.replaceChildren(
      mark
        ? reading('α', `${mark.sign ? `${mark.sign} ` : ''}${alpha}`, `heat heat-${mark.name}`, spread)
        : reading('α', alpha, '', spread),
      reading('D', formatNumber(tail.D, 3)),
      reading('xmin', xmin),
      reading(l10n.t('tail'), formatCount(count), '', share),
      ...(sampling === undefined ? [] : [reading(l10n.t('windows'), sampling)]),
    );
    const isDustLeft = this.dust > 0 && this.base === this.main;
    const said = tailFinding({
      ...{ alpha, moved, mark, xmin, count, D: tail.D, all: eigenvalues.length, law: this.law },
      dust: isDustLeft ? { count: this.dust, below: this.dustEdge() } : null,
    });
    this.frame.setFinding(said);
  }

  private showVerdict(mark: VerdictMark | undefined): void {
    const { verdict, input, fit } = this;
    verdict.hidden = fit.rule !== 'KS' || !input.judge;
    verdict.className = `verdict verdict-${mark?.name ?? 'none'}`;
    verdict.textContent = mark
      ? `${mark.sign} ${sentence(mark.words)}`.trim()
      : l10n.t('The verdict follows when xmin rests.');
  }

  private draw(): void {
    const { frame, input, cumulative, tail, base } = this;
    const { eigenvalues } = input;
    if (base.histogram.edges.length === 0) {
      drawNothing(frame, l10n.t('nothing above zero to draw'));
      this.handle.place(null);
      return;
    }
    const home = this.axisOf(base);
    const x = scaleLog().domain(home).range([0, frame.width]);
    this.follower?.setDomain(home);
    this.window = frame.narrow('x', x) ? this.windowOf(x.domain() as [number, number]) : base;
    this.x = x;
    const { window } = this;
    const { edges, density } = window.histogram;
    // An empty part has the scale of the whole.
    const seen = (edges.length > 0 ? density : base.histogram.density).filter((value) => value > 0);
    const share = (from: number): number => (eigenvalues.length - from) / eigenvalues.length;
    const shares = [Math.max(0.7 / eigenvalues.length, share(window.end) / 1.4), 1.4 * share(window.first)];
    const y = scaleLog()
      .domain(cumulative ? shares : [smallestOf(seen) / 2.5, largestOf(seen) * 2])
      .range([frame.height, 0]);
    drawAxes(frame, x, y, {
      x: l10n.t('eigenvalue λ'),
      y: cumulative ? l10n.t('share of eigenvalues ≥ λ') : l10n.t('density p(λ)'),
    });
    const xmin = tail && eigenvalues[tail.start]!;
    if (cumulative) drawCcdf(frame, x, y, eigenvalues, window);
    else drawBars(frame, x, y, window.histogram, xmin);
    drawTailLine(frame, x, y, eigenvalues, tail, cumulative);
    drawEdge(frame, x, input.edge, xmin);
    drawLaw(frame, x, y, this.law, cumulative);
    drawShuffled(frame, x, y, this.shuffled, edges, cumulative);
    this.placeHandle();
  }

  /** Ends of the axis that shows it, with the edge of the bulk. */
  private axisOf({ histogram: { edges } }: SpectrumWindow): [number, number] {
    const { edge } = this.input;
    const marked = edge !== null && edge > 0 ? edge : edges[0]!;
    return [Math.min(edges[0]!, marked) / AXIS_MARGIN, Math.max(edges.at(-1)!, marked) * AXIS_MARGIN];
  }

  /** Counted anew only if another part is shown: xmin is dragged within it. */
  private windowOf(part: Span): SpectrumWindow {
    const { lastPart } = this;
    if (lastPart?.part[0] !== part[0] || lastPart.part[1] !== part[1]) {
      this.lastPart = { part, window: windowBetween(this.input.eigenvalues, part) };
    }
    return this.lastPart!.window;
  }

  private placeHandle(): void {
    const { tail, x, frame } = this;
    const { eigenvalues } = this.input;
    const xmin = tail ? eigenvalues[tail.start]! : NaN;
    if (!tail || !(x(xmin) >= -0.5 && x(xmin) <= frame.width + 0.5)) {
      this.handle.place(null);
      return;
    }
    const count = formatCount(eigenvalues.length - tail.start);
    const text = l10n.t(
      'xmin {0}, alpha {1}, D {2}, {3} eigenvalues in the tail',
      formatNumber(xmin, 3),
      formatNumber(tail.alpha, 3),
      formatNumber(tail.D, 3),
      count,
    );
    this.handle.place({ x: x(xmin), now: tail.start, most: eigenvalues.length - 2, text });
  }

  private readout(x: number): { x: number; lines: string[] } | null {
    const { edges, counts, density } = this.window.histogram;
    const value = this.x.invert(x);
    if (edges.length === 0 || value < edges[0]! || value > edges.at(-1)!) return null;
    const { eigenvalues } = this.input;
    if (this.cumulative) {
      const above = eigenvalues.length - lowerBound(eigenvalues, value);
      const share = formatPercent(above / eigenvalues.length);
      return { x, lines: [`λ ≥ ${formatNumber(value, 3)}`, l10n.t('{0} eigenvalues, {1}', formatCount(above), share)] };
    }
    const bin = Math.min(counts.length - 1, Math.max(0, lowerBound(edges, value) - 1));
    return {
      x,
      lines: [
        `λ ${formatNumber(edges[bin]!, 3)} – ${formatNumber(edges[bin + 1]!, 3)}`,
        l10n.t('{0} eigenvalues', formatCount(counts[bin]!)),
        l10n.t('density {0}', formatNumber(density[bin]!, 3)),
      ],
    };
  }

  /** The numbers of the whole spectrum, whatever part of it is drawn. */
  private twin(): TwinTable {
    const { eigenvalues, title } = this.input;
    return this.cumulative
      ? ccdfTwin(title, eigenvalues)
      : densityTwin(title, this.whole.histogram, this.law, this.shuffled);
  }
}
