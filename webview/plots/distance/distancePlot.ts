/**
 * D against xmin, under a spectrum and on its axis: the reader sees why xmin is there, and moves it. Measured in slices
 * of time, so that the page answers meanwhile.
 */
import { scaleLinear, scaleLog, type ScaleLogarithmic } from 'd3-scale';
import { largestOf } from '../../../extension/shared/extremes';
import { l10n } from '../../../extension/shared/language/l10n';
import type { PowerLawFit } from '../../../extension/shared/layers';
import { lowerBound } from '../../../extension/spectral/tail/bounds';
import type { FitOptions } from '../../../extension/spectral/tail/tailStarts';
import { formatCount, formatNumber, formatPercent } from '../../numbers/format';
import { drawAxes } from '../axes';
import type { Tail, TailFollower } from '../esdInput';
import { PlotFrame } from '../plotFrame';
import { TailHandle } from '../tailHandle';
import type { TwinTable } from '../twin';
import type { Span, ZoomView } from '../zoom/zoomView';
import { DistanceCurve, type DistancePoint, type StartsOfRule } from './distanceCurve';
import { distanceFinding, excludedWord } from './distanceFinding';

/** How long D is measured before the page may draw, and from when on another turn begins at the latest. */
const SLICE_MS = 6;
const LATEST_MS = 200;

export interface DistanceInput {
  layer: string;
  /** Title of the spectrum. */
  spectrum: string;
  /** λ ascending. */
  eigenvalues: Float64Array;
  fitted: number;
  /** Of the fit. */
  options: FitOptions;
  /** The part of λ that the spectrum shows. */
  view: ZoomView;
  /** Called with an index of the eigenvalues. */
  onMove(start: number): void;
  /** As in `TailHandleOptions`. */
  onStep(steps: number): void;
}

export class DistancePlot implements TailFollower {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly handle: TailHandle;
  private readonly curve: DistanceCurve;
  private readonly x: ScaleLogarithmic<number, number> = scaleLog();
  private readonly y = scaleLinear();
  private rule: StartsOfRule | null = null;
  private fit: PowerLawFit | null = null;
  private tail: Tail | null = null;
  private fitted: number;
  private home: Span = [1, 10];
  private turn = 0;

  constructor(private readonly input: DistanceInput) {
    this.fitted = input.fitted;
    this.curve = new DistanceCurve(input.eigenvalues, input.fitted, input.options);
    this.frame = new PlotFrame({
      title: l10n.t('D against xmin'),
      height: 168,
      growth: { aspect: 0.25, most: 230 },
      margin: { top: 24, right: 14, bottom: 40, left: 46 },
      draw: () => this.draw(),
      twin: () => this.twin(),
      fileName: () => `${input.layer}-${input.spectrum}-D`,
      readout: (x) => this.readout(x),
      pick: (x) => this.pick(x),
      zoom: { axes: 'x', view: input.view },
    });
    this.element = this.frame.element;
    this.element.classList.add('distance');
    this.handle = new TailHandle(this.frame, {
      label: l10n.t('xmin, on the curve of D'),
      onDrag: (x) => input.onMove(lowerBound(input.eigenvalues, this.x.invert(x))),
      onStep: (steps) => input.onStep(steps),
    });
  }

  /**
   * @param fit that was chosen
   * @param tail as it is, moved or not; null if the fit has none
   * @param fitted index of the first eigenvalue of the fit's own tail
   */
  show(fit: PowerLawFit, tail: Tail | null, fitted: number): void {
    const isNew = fit !== this.fit;
    this.tail = tail;
    this.element.hidden = tail === null;
    if (!tail) return;
    if (isNew) {
      this.fit = fit;
      this.fitted = fitted;
      this.rule = this.curve.ruleOf(fit.rule);
      this.frame.redraw();
    }
    if (this.curve.isDone) this.describe();
    this.placeMark();
  }

  /** All of λ that the axis of the spectrum above has. */
  setDomain([low, high]: Span): void {
    const [from, to] = this.home;
    if (low === from && high === to) return;
    this.home = [low, high];
    this.frame.redraw();
  }

  /** Measures D while the page has nothing else to do. */
  begin(): void {
    this.frame.setFinding(l10n.t('D is being measured.'));
    const step = (): void => {
      const end = performance.now() + SLICE_MS;
      this.curve.work(() => performance.now() < end);
      this.frame.redraw();
      if (this.curve.isDone) this.describe();
      else this.turn = requestIdleCallback(step, { timeout: LATEST_MS });
    };
    this.turn = requestIdleCallback(step, { timeout: LATEST_MS });
  }

  /** Nobody looks any more. */
  stop(): void {
    cancelIdleCallback(this.turn);
  }

  private describe(): void {
    const { input, rule, tail, fitted } = this;
    if (!rule || !tail) return;
    const moved = tail.start === fitted ? {} : { moved: tail };
    const points = this.withFitted();
    this.frame.setFinding(distanceFinding({ eigenvalues: input.eigenvalues, points, rule, fitted, ...moved }));
  }

  /** The curve, with the fit's own point, which is another one by another rule. */
  private withFitted(): DistancePoint[] {
    const { curve, fitted, fit } = this;
    const { points } = curve;
    if (!fit || fit.alpha === null || fit.D === null) return points;
    const own = { start: fitted, alpha: fit.alpha, D: fit.D };
    return [...points.filter(({ start }) => start !== fitted), own].sort((a, b) => a.start - b.start);
  }

  private pick(x: number): void {
    const found = this.nearest(x);
    if (found) this.input.onMove(found.start);
  }

  /** The measured start that is drawn nearest. */
  private nearest(x: number): DistancePoint | undefined {
    const { eigenvalues } = this.input;
    const away = ({ start }: DistancePoint): number => Math.abs(this.x(eigenvalues[start]!) - x);
    let best: DistancePoint | undefined;
    for (const point of this.withFitted()) if (!best || away(point) < away(best)) best = point;
    return best;
  }

  private draw(): void {
    const { frame, x, y, rule } = this;
    const { eigenvalues } = this.input;
    const points = this.withFitted();
    x.domain(this.home).range([0, frame.width]);
    frame.narrow('x', x);
    const [low, high] = x.domain() as [number, number];
    // One more on each side, so that the line goes on to the edge.
    const inside = points.filter(({ start }) => eigenvalues[start]! >= low && eigenvalues[start]! <= high);
    const first = points.indexOf(inside[0]!);
    const seen = points.slice(Math.max(0, first - 1), first + inside.length + 1);
    const most = largestOf(
      inside.map(({ D }) => D),
      0.01,
    );
    y.domain([0, most * 1.08]).range([frame.height, 0]);
    drawAxes(frame, x, y, { x: 'xmin', y: 'D' });
    const bars = frame.layer('bars');
    const clip = (at: number): number => Math.min(frame.width, Math.max(0, at));
    const place = ({ start, D }: DistancePoint): string => `${clip(x(eigenvalues[start]!))},${Math.max(0, y(D))}`;
    const taken: string[] = [];
    const others: string[] = [];
    for (let i = 1; i < seen.length; i++) {
      const [a, b] = [seen[i - 1]!, seen[i]!];
      const isTaken = rule !== null && [a, b].every(({ start }) => rule.excludes(start) === undefined);
      (isTaken ? taken : others).push(`M${place(a)}L${place(b)}`);
    }
    bars.append('path').attr('class', 'curve excluded').attr('d', others.join(''));
    bars.append('path').attr('class', 'curve').attr('d', taken.join(''));
    const marks = frame.layer('marks');
    const own = points.find(({ start }) => start === this.fitted);
    const at = own && x(eigenvalues[own.start]!);
    if (own && at! >= 0 && at! <= frame.width) {
      marks.append('circle').attr('class', 'dot fitted').attr('cx', at!).attr('cy', y(own.D)).attr('r', 4);
    }
    this.placeMark();
  }

  /** What follows a drag: nothing else is drawn anew. */
  private placeMark(): void {
    const { frame, tail, x, y } = this;
    const layer = frame.layer('fit');
    const { eigenvalues } = this.input;
    const at = tail ? x(eigenvalues[tail.start]!) : NaN;
    if (!tail || frame.width <= 0 || !(at >= -0.5 && at <= frame.width + 0.5)) {
      this.handle.place(null);
      return;
    }
    const numbers = l10n.t(
      'xmin {0}, D {1}, alpha {2}',
      formatNumber(eigenvalues[tail.start]!, 3),
      formatNumber(tail.D, 3),
      formatNumber(tail.alpha, 3),
    );
    this.handle.place({ x: at, now: tail.start, most: eigenvalues.length - 2, text: numbers });
    if (!Number.isFinite(tail.D)) return;
    layer
      .append('circle')
      .attr('class', 'here')
      .attr('cx', at)
      .attr('cy', Math.max(0, y(tail.D)))
      .attr('r', 4.5);
  }

  private readout(at: number): { x: number; lines: string[] } | null {
    const found = this.nearest(at);
    if (!found || !this.rule) return null;
    const { eigenvalues } = this.input;
    const excluded = excludedWord(this.rule, found.start);
    return {
      x: Math.min(this.frame.width, Math.max(0, this.x(eigenvalues[found.start]!))),
      lines: [
        l10n.t('xmin {0}', formatNumber(eigenvalues[found.start]!, 3)),
        `D ${formatNumber(found.D, 3)}`,
        l10n.t('alpha {0}', formatNumber(found.alpha, 3)),
        l10n.t('{0} eigenvalues', formatCount(eigenvalues.length - found.start)),
        ...(excluded === '' ? [] : [excluded]),
      ],
    };
  }

  private twin(): TwinTable {
    const { eigenvalues, spectrum } = this.input;
    const { rule, curve } = this;
    return {
      caption: curve.isDone
        ? l10n.t('{0}: D and alpha of the tail from each xmin on', spectrum)
        : l10n.t(
            '{0}: D and alpha of the tail from each xmin on ({1} measured)',
            spectrum,
            formatPercent(curve.fraction, 2),
          ),
      columns: ['xmin', 'D', 'alpha', l10n.t('eigenvalues in the tail'), l10n.t('not a candidate')],
      rows: this.withFitted().map(({ start, D, alpha }) => [
        formatNumber(eigenvalues[start]!, 4),
        formatNumber(D, 4),
        formatNumber(alpha, 4),
        formatCount(eigenvalues.length - start),
        rule ? excludedWord(rule, start) : '',
      ]),
    };
  }
}
