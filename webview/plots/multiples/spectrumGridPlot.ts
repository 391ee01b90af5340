/** The spectra of the members of a layer, heads or experts, side by side on the same axes, each with its alpha. */
import { scaleLog } from 'd3-scale';
import { l10n } from '../../../extension/shared/language/l10n';
import type { PowerLawFit } from '../../../extension/shared/layers';
import { largestOf, smallestOf } from '../../../extension/shared/extremes';
import { element } from '../../controls/elements';
import { formatCount, formatNumber } from '../../numbers/format';
import { CellCursor, type CellBox } from '../cellCursor';
import { PlotFrame } from '../plotFrame';
import { spectralDensity, type SpectralDensity } from '../spectralDensity';
import type { TwinTable } from '../twin';
import { alphaText, gridFinding, memberLines, type Member, type MemberSpectrum } from './members';
import { PanelGrid } from './panelGrid';

const MARGIN = { top: 34, right: 10, bottom: 36, left: 10 };

/** The axes reach beyond the values by these factors. */
const X_MARGIN = 1.15;
const Y_MARGIN = 2;

/** A bar this small part of the highest one is not drawn: the axis ends there. */
const FLOOR = 1e-4;

interface Drawn {
  readonly density: SpectralDensity;
  readonly fit: PowerLawFit | null;
}

export class SpectrumGridPlot {
  readonly element: HTMLElement;
  private readonly frame: PlotFrame;
  private readonly cursor: CellCursor;
  private readonly reading = element('p', { class: 'cell-reading', 'aria-hidden': 'true' });
  private members: readonly Member[] = [];
  private grid = new PanelGrid(0, 0);
  private readonly known = new Map<string, MemberSpectrum>();
  private readonly drawn = new Map<string, Drawn>();

  /** @param open called with a member that was chosen */
  constructor(
    private readonly layer: string,
    title: string,
    open: (member: Member) => void,
  ) {
    const choose = (index: number): void => {
      const member = this.members[index];
      if (member) open(member);
    };
    this.frame = new PlotFrame({
      title,
      height: MARGIN.top + MARGIN.bottom + this.grid.height,
      heightAt: (width) => {
        const grid = new PanelGrid(this.members.length, width - MARGIN.left - MARGIN.right);
        return MARGIN.top + MARGIN.bottom + grid.height;
      },
      margin: MARGIN,
      draw: () => this.draw(),
      twin: () => this.twin(),
      fileName: () => `${layer}-${title}`,
      readout: (x, y) => {
        const index = this.grid.at(x, y);
        return index < 0 ? null : { x, lines: this.lines(index) };
      },
      pick: (x, y) => {
        const index = this.grid.at(x, y);
        if (index < 0) return;
        this.moveTo(index);
        choose(index);
      },
      zoom: { axes: 'x', panelAt: (x, y) => this.grid.box(this.grid.nearest(x, y)) },
    });
    this.element = this.frame.element;
    this.element.classList.add('spectrum-grid');
    this.element.append(this.reading);
    this.cursor = new CellCursor(this.frame, (row, col) => this.describe(this.indexOf(row, col)), {
      label: l10n.t('Spectrum in the grid, Enter opens it'),
      columns: (row) => Math.max(1, this.grid.columnsOf(row)),
      box: (row, col) => this.box(this.indexOf(row, col)),
      choose: (row, col) => choose(this.indexOf(row, col)),
    });
  }

  /** Begins with those, of which nothing is known yet. */
  show(members: readonly Member[]): void {
    this.members = members;
    this.known.clear();
    this.drawn.clear();
    this.cursor.move(0, 0);
    this.frame.refit();
    this.tell();
  }

  add(name: string, spectrum: MemberSpectrum): void {
    this.known.set(name, spectrum);
    if ('eigenvalues' in spectrum) {
      const density = spectralDensity(spectrum.eigenvalues);
      if (density.edges.length > 0) this.drawn.set(name, { density, fit: spectrum.fit });
    }
    this.tell();
    this.frame.redraw();
    const { row, col } = this.cursor.place;
    this.cursor.move(row, col);
  }

  /** For the present members and width; the same member is read out as before. */
  private layOut(): void {
    const { frame, members, grid, cursor } = this;
    const next = new PanelGrid(members.length, frame.width);
    const { row, col } = cursor.place;
    const index = Math.min(row * grid.columns + col, Math.max(0, members.length - 1));
    this.grid = next;
    if (next.columns === grid.columns && next.count === grid.count) return;
    cursor.reset(next.rows, next.columns, Math.floor(index / next.columns), index % next.columns);
  }

  private indexOf(row: number, col: number): number {
    return row * this.grid.columns + col;
  }

  private moveTo(index: number): void {
    const { columns } = this.grid;
    this.cursor.move(Math.floor(index / columns), index % columns);
  }

  private tell(): void {
    this.frame.setFinding(gridFinding(this.members, this.known));
  }

  private describe(index: number): string {
    const lines = this.lines(index);
    this.reading.textContent = lines.join(' · ');
    return lines.join(', ');
  }

  private lines(index: number): string[] {
    const member = this.members[index];
    return member ? memberLines(member, this.known.get(member.name)) : [];
  }

  private box(index: number): CellBox {
    const { left, top, width, height } = this.grid.box(index);
    return { left: left - 3, top: top - 3, width: width + 6, height: height + 6 };
  }

  private draw(): void {
    this.layOut();
    const { frame, grid, members } = this;
    const axes = frame.layer('axes');
    const [bars, marks] = [frame.layer('bars'), frame.layer('marks')];
    const all = [...this.drawn.values()].map(({ density }) => density);
    const x = scaleLog();
    const y = scaleLog();
    if (all.length > 0) {
      const low = smallestOf(all.map(({ edges }) => edges[0]!));
      const high = largestOf(all.map(({ edges }) => edges.at(-1)!));
      x.domain([low / X_MARGIN, high * X_MARGIN]).range([0, grid.box(0).width]);
      frame.narrow('x', x);
      frame.zoom?.caption('x', l10n.t('eigenvalue λ'));
      const seen = all.flatMap(({ density }) => [...density].filter((value) => value > 0));
      const top = largestOf(seen) * Y_MARGIN;
      y.domain([Math.max(smallestOf(seen) / Y_MARGIN, top * FLOOR), top]);
    }
    const [bulk, tail]: [string[], string[]] = [[], []];
    members.forEach(({ name, label }, i) => {
      const { left, top, width, height } = grid.box(i);
      const floor = top + height;
      axes
        .append('rect')
        .attr('class', 'panel')
        .attr('x', left)
        .attr('y', top)
        .attr('width', width)
        .attr('height', height);
      const text = (words: string, at: number, anchor: string): void => {
        const written = marks
          .append('text')
          .attr('class', 'mark-label')
          .attr('x', at)
          .attr('y', top - 7);
        written.attr('text-anchor', anchor).text(words);
      };
      text(label, left, 'start');
      const spectrum = this.known.get(name);
      if (spectrum) text(alphaText(spectrum), left + width, 'end');
      const drawn = this.drawn.get(name);
      if (!drawn) return;
      x.range([left, left + width]);
      y.range([floor, top]);
      const xmin = drawn.fit?.xmin ?? null;
      const { edges, density } = drawn.density;
      const inPanel = (at: number): number => Math.min(left + width, Math.max(left, x(at)));
      density.forEach((value, bin) => {
        if (value === 0) return;
        const [from, to, ceiling] = [inPanel(edges[bin]!), inPanel(edges[bin + 1]!), Math.min(floor, y(value))];
        if (from === to) return;
        const bar = `M${from.toFixed(1)},${floor}V${ceiling.toFixed(1)}H${to.toFixed(1)}V${floor}Z`;
        // A panel has no room for a bar of both colours: it is of the tail if the tail holds more than half of it.
        (xmin !== null && Math.sqrt(edges[bin]! * edges[bin + 1]!) >= xmin ? tail : bulk).push(bar);
      });
    });
    bars.append('path').attr('class', 'bar bulk').attr('d', bulk.join(''));
    bars.append('path').attr('class', 'bar tail').attr('d', tail.join(''));
    if (all.length > 0) this.drawAxis(x.domain() as [number, number]);
    this.cursor.draw();
  }

  /** One axis for all: its ends stand below the last panel of the first column. */
  private drawAxis([low, high]: [number, number]): void {
    const { frame, grid } = this;
    const axis = frame.layer('axes', false).append('g').attr('class', 'axis');
    const { left, width, top, height } = grid.box((grid.rows - 1) * grid.columns);
    const put = (words: string, at: number, anchor: string, y: number): void => {
      axis.append('text').attr('x', at).attr('y', y).attr('text-anchor', anchor).text(words);
    };
    put(formatNumber(low, 2), left, 'start', top + height + 13);
    put(formatNumber(high, 2), left + width, 'end', top + height + 13);
    put(
      l10n.t('eigenvalue λ from left to right, density p(λ) upwards, on the same logarithmic axes'),
      0,
      'start',
      top + height + 29,
    );
  }

  private twin(): TwinTable {
    const number = (value: number | null | undefined): string => (value == null ? '–' : formatNumber(value, 4));
    return {
      caption: l10n.t('Spectra of the members of {0}', this.layer),
      columns: [l10n.t('member'), 'alpha', 'D', 'xmin', l10n.t('largest eigenvalue'), l10n.t('eigenvalues')],
      rows: this.members.map(({ name, label }) => {
        const spectrum = this.known.get(name);
        if (!spectrum || 'problem' in spectrum)
          return [label, spectrum?.problem ?? l10n.t('not computed'), '', '', '', ''];
        const { fit, eigenvalues } = spectrum;
        const numbers = [fit?.alpha, fit?.D, fit?.xmin, eigenvalues.at(-1)].map(number);
        return [label, ...numbers, formatCount(eigenvalues.length)];
      }),
    };
  }
}
