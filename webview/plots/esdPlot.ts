/**
 * The empirical spectral density of a layer on log axes: histogram or CCDF, the fitted power-law tail, the edge of the
 * random bulk, and xmin to be moved, with alpha and D following.
 */
import { scaleLog, type ScaleLogarithmic } from 'd3-scale';
import type { FitRule, PowerLawFit } from '../../extension/protocol';
import { lowerBound, tailAt } from '../../extension/spectral/powerLaw';
import { alphaBand } from '../alphaBands';
import { button, checkbox, dropdown, type Button } from '../controls';
import { element } from '../elements';
import { formatCount, formatNumber, formatPercent } from '../format';
import { drawAxes } from './axes';
import { PlotFrame } from './plotFrame';
import { drawBars, drawCcdf, drawEdge, drawTailLine, type Tail } from './esdMarks';
import { spectralDensity, type SpectralDensity } from './spectralDensity';
import { TailHandle } from './tailHandle';
import { sampleIndexes, type TwinTable } from './twinTable';

export interface EsdInput {
  title: string;
  layer: string;
  /** λ ascending. */
  eigenvalues: Float64Array;
  /** The fits to choose from, the one shown first in front. */
  fits: PowerLawFit[];
  /** λ₊, the edge of the Marchenko–Pastur bulk. */
  edge: number | null;
  /** How the values were sampled, where they were. */
  sampling?: string;
  /** 95 % interval of alpha, where the values are a sample. */
  interval?: [number, number];
}

/** Steps of an arrow key over the whole spectrum: one value where there are few, more where there are 10⁵. */
const ARROW_STEPS = 400;

/** Rows of the table twin of a CCDF. */
const TWIN_ROWS = 200;

const RULE_LABELS: Record<FitRule, string> = { KS: 'KS', xmin_mid: 'xmin_mid', xmin_peak: 'xmin_peak' };

export class EsdPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly handle: TailHandle;
  private readonly histogram: SpectralDensity;
  private readonly readings = element('dl', { class: 'readings', 'aria-live': 'off' });
  private readonly reset: Button;
  private cumulative = false;
  private fit: PowerLawFit;
  private tail: Tail | null;
  private x: ScaleLogarithmic<number, number> = scaleLog();

  constructor(private readonly input: EsdInput) {
    this.histogram = spectralDensity(input.eigenvalues);
    this.fit = input.fits[0]!;
    this.tail = this.fittedTail();
    this.reset = button({
      label: 'Back to the fitted xmin',
      icon: 'discard',
      appearance: 'icon',
      onClick: () => this.show(this.fit),
    });
    const choices = input.fits.map((fit) => ({ value: fit.rule, label: RULE_LABELS[fit.rule] }));
    const rule = dropdown('Rule for xmin', choices, this.fit.rule, (value) =>
      this.show(input.fits.find((fit) => fit.rule === value)!),
    );
    rule.classList.add('rule');
    const ccdf = checkbox('CCDF', false, (checked) => {
      this.cumulative = checked;
      this.frame.redraw();
    });
    ccdf.title = 'Share of the eigenvalues at or above λ, instead of their density';
    this.frame = new PlotFrame({
      title: input.title,
      height: 280,
      margin: { top: 28, right: 14, bottom: 40, left: 46 },
      draw: () => this.draw(),
      twin: () => this.twin(),
      fileName: () => `${input.layer}-${input.title}`,
      readout: (x) => this.readout(x),
      controls: [this.reset, ...(choices.length > 1 ? [rule] : []), ccdf],
    });
    this.element = this.frame.element;
    this.element.classList.add('esd');
    this.element.querySelector('.plot-finding')!.before(this.readings);
    this.handle = new TailHandle(this.frame, {
      onDrag: (x) => this.moveTail(lowerBound(input.eigenvalues, this.x.invert(x))),
      onStep: (steps) => this.stepTail(steps),
    });
    this.describe();
  }

  /** Takes a fit's own tail. */
  private show(fit: PowerLawFit): void {
    this.fit = fit;
    this.tail = this.fittedTail();
    this.describe();
    this.frame.redraw();
  }

  private fittedTail(): Tail | null {
    const { alpha, D, xmin } = this.fit;
    if (alpha === null || D === null || xmin === null) return null;
    return { start: lowerBound(this.input.eigenvalues, xmin), alpha, D };
  }

  private moveTail(start: number): void {
    const { eigenvalues } = this.input;
    const first = this.histogram.zeros;
    // The last value alone is no tail.
    const bounded = Math.min(Math.max(start, first), eigenvalues.length - 2);
    if (bounded < first || bounded === this.tail?.start) return;
    this.tail = { start: bounded, ...tailAt(eigenvalues, bounded) };
    this.describe();
    this.frame.redraw();
  }

  private stepTail(steps: number): void {
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
    this.reset.hidden = !moved;
    if (!tail) {
      const reason = fit.reason ?? 'no valid tail';
      this.readings.replaceChildren(element('div', { class: 'reading failed' }, `No power-law fit: ${reason}`));
      this.frame.setFinding(`No power-law fit: ${reason}.`);
      return;
    }
    // WeightWatcher's bands are about the KS fit of a whole matrix: other exponents get no verdict.
    const band = fit.rule === 'KS' && sampling === undefined ? alphaBand(tail.alpha) : undefined;
    const count = eigenvalues.length - tail.start;
    const share = formatPercent(count / eigenvalues.length, 2);
    const alpha = formatNumber(tail.alpha, 4);
    const spread =
      !moved && interval
        ? `${formatNumber(interval[0], 3)} – ${formatNumber(interval[1], 3)}`
        : `± ${formatNumber((tail.alpha - 1) / Math.sqrt(count), 2)}`;
    const xmin = formatNumber(eigenvalues[tail.start]!, 3);
    this.readings.replaceChildren(
      band
        ? reading(
            'α',
            `${band.mark ? `${band.mark} ` : ''}${alpha}`,
            `heat heat-${band.name}`,
            `${spread}, ${band.short}`,
          )
        : reading('α', alpha, '', spread),
      reading('D', formatNumber(tail.D, 3)),
      reading('xmin', xmin),
      reading('tail', formatCount(count), '', share),
      ...(sampling === undefined ? [] : [reading('windows', sampling)]),
    );
    this.frame.setFinding(
      `alpha ${alpha}${band ? `, ${band.words}` : ''}${moved ? ', at an xmin chosen by hand' : ''}. ` +
        `The tail starts at ${xmin} and holds ${formatCount(count)} of ${formatCount(eigenvalues.length)} eigenvalues; D ${formatNumber(tail.D, 3)}.`,
    );
  }

  private draw(): void {
    const { frame, histogram, input, cumulative } = this;
    const { edges, density } = histogram;
    if (edges.length === 0) return;
    const edge = input.edge !== null && input.edge > 0 ? input.edge : edges[0]!;
    const low = Math.min(edges[0]!, edge);
    const high = Math.max(edges.at(-1)!, edge);
    this.x = scaleLog()
      .domain([low / 1.15, high * 1.15])
      .range([0, frame.width]);
    const seen = density.filter((value) => value > 0);
    const yDomain = cumulative
      ? [0.7 / input.eigenvalues.length, 1.4]
      : [Math.min(...seen) / 2.5, Math.max(...seen) * 2];
    const y = scaleLog().domain(yDomain).range([frame.height, 0]);
    drawAxes(frame, this.x, y, {
      x: 'eigenvalue λ',
      y: cumulative ? 'share of eigenvalues ≥ λ' : 'density p(λ)',
    });
    const { tail, x } = this;
    const { eigenvalues } = input;
    const xmin = tail && eigenvalues[tail.start]!;
    if (cumulative) drawCcdf(frame, x, y, eigenvalues, histogram.zeros);
    else drawBars(frame, x, y, histogram, xmin ?? Infinity);
    drawTailLine(frame, x, y, eigenvalues, tail, cumulative);
    drawEdge(frame, x, input.edge, xmin);
    const position = tail && {
      x: x(eigenvalues[tail.start]!),
      now: tail.start,
      most: eigenvalues.length - 2,
      text: `xmin ${formatNumber(eigenvalues[tail.start]!, 3)}, alpha ${formatNumber(tail.alpha, 3)}, D ${formatNumber(tail.D, 3)}, ${formatCount(eigenvalues.length - tail.start)} eigenvalues in the tail`,
    };
    this.handle.place(position);
  }

  private readout(x: number): { x: number; lines: string[] } | null {
    const { edges, counts, density } = this.histogram;
    const value = this.x.invert(x);
    if (edges.length === 0 || value < edges[0]! || value > edges.at(-1)!) return null;
    const { eigenvalues } = this.input;
    if (this.cumulative) {
      const above = eigenvalues.length - lowerBound(eigenvalues, value);
      const share = formatPercent(above / eigenvalues.length);
      return { x, lines: [`λ ≥ ${formatNumber(value, 3)}`, `${formatCount(above)} eigenvalues, ${share}`] };
    }
    const bin = Math.min(counts.length - 1, Math.max(0, lowerBound(edges, value) - 1));
    return {
      x,
      lines: [
        `λ ${formatNumber(edges[bin]!, 3)} – ${formatNumber(edges[bin + 1]!, 3)}`,
        `${formatCount(counts[bin]!)} eigenvalues`,
        `density ${formatNumber(density[bin]!, 3)}`,
      ],
    };
  }

  private twin(): TwinTable {
    const { eigenvalues, title } = this.input;
    const count = eigenvalues.length;
    if (this.cumulative) {
      const rows = sampleIndexes(count, TWIN_ROWS).map((i) => [
        formatNumber(eigenvalues[i]!, 5),
        formatPercent((count - i) / count, 4),
      ]);
      return { caption: `${title}: share of eigenvalues at or above λ`, columns: ['λ', 'share ≥ λ'], rows };
    }
    const { edges, counts, density } = this.histogram;
    const rows = [...counts].map((size, i) => [
      `${formatNumber(edges[i]!, 4)} – ${formatNumber(edges[i + 1]!, 4)}`,
      formatCount(size),
      formatNumber(density[i]!, 4),
    ]);
    return { caption: `${title}: density of the eigenvalues`, columns: ['λ', 'eigenvalues', 'density'], rows };
  }
}

function reading(term: string, value: string, className = '', note = ''): HTMLElement {
  return element(
    'div',
    { class: 'reading' },
    element('dt', {}, term),
    element('dd', {}, element('span', { class: `reading-value ${className}` }, value), note ? ` ${note}` : null),
  );
}
