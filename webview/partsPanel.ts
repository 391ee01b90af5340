/**
 * What a layer's matrix consists of (q, k and v of a fused projection, heads, gates), each with its leading numbers: computed
 * when a person asks for them, and opened as a layer of its own.
 */
import type { InspectSettings, LayerParts, LayerResult, PartSummary } from '../extension/protocol';
import { button } from './controls';
import { element } from './elements';
import { formatCount, formatNumber, formatPercent, formatShape, plural } from './format';
import type { Inspection } from './inspection';

export interface PartsActions {
  /** Looks at a part as at a layer. */
  open(part: PartSummary): void;
  compute(names: string[]): void;
}

interface PartColumn {
  label: string;
  title: string;
  value: (result: LayerResult) => number | null | undefined;
  digits: number;
}

const COLUMNS: readonly PartColumn[] = [
  { label: 'α', title: 'Exponent of the tail', value: ({ metrics }) => metrics.alpha, digits: 3 },
  { label: 'FARMS α', title: 'alpha of windows of one aspect ratio', value: ({ farms }) => farms?.alpha, digits: 3 },
  { label: 'stable rank', title: 'Σλ/λ₁', value: ({ metrics }) => metrics.stable_rank, digits: 3 },
  {
    ...{ label: '95 %', title: 'Rank that keeps 95 % of ‖W‖²' },
    ...{ value: ({ ranks }: LayerResult) => ranks['energy_0.95']?.rank, digits: 0 },
  },
  { label: '‖W‖', title: 'Frobenius norm', value: ({ statistics }) => statistics?.l2, digits: 4 },
];

export class PartsPanel {
  readonly element = element('div', { class: 'parts-panel' });
  /** Labels of the parts whose own parts are shown. */
  private readonly unfolded = new Set<string>();
  private readonly columns: readonly PartColumn[];
  private shown = '';

  constructor(
    private readonly inspection: Pick<Inspection, 'partResults' | 'progress'>,
    private readonly found: LayerParts,
    settings: InspectSettings,
    private readonly actions: PartsActions,
  ) {
    this.columns = settings.farms.enabled ? COLUMNS : COLUMNS.filter(({ label }) => label !== 'FARMS α');
    this.draw();
  }

  /** Results or progress may have come. */
  refresh(): void {
    if (this.state() !== this.shown) this.draw();
  }

  /** What the drawing stands for. */
  private state(): string {
    const { partResults, progress } = this.inspection;
    const stateOf = ({ name }: PartSummary): string =>
      partResults.has(name) ? '=' : (progress.get(name)?.fraction.toFixed(2) ?? '-');
    return this.found.parts.map(stateOf).join();
  }

  private draw(): void {
    this.shown = this.state();
    const { parts, reason } = this.found;
    if (parts.length === 0) {
      this.element.replaceChildren(element('p', { class: 'plot-finding' }, `No parts are known: ${reason ?? ''}.`));
      return;
    }
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.part : undefined;
    const labels = new Set(parts.map(({ label }) => label));
    const visible = parts.filter((part) => !nestedIn(part, labels) || this.unfolded.has(part.within!));
    const missing = visible.filter(({ name }) => !this.inspection.partResults.has(name));
    const table = element(
      'table',
      { class: 'numbers parts' },
      element('caption', { class: 'hidden' }, 'Parts of the layer'),
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          element('th', { scope: 'col' }, 'part'),
          element('th', { scope: 'col' }, 'shape'),
          ...this.columns.map(({ label, title }) => element('th', { scope: 'col', title }, label)),
        ),
      ),
      element('tbody', {}, ...visible.map((part) => this.row(part, labels))),
    );
    this.element.replaceChildren(
      element(
        'p',
        { class: 'plot-finding', role: 'status' },
        finding(
          visible.filter((part) => !nestedIn(part, labels)),
          this.inspection.partResults,
        ),
      ),
      table,
    );
    if (missing.length > 0) this.element.append(this.computeButton(missing));
    if (focused !== undefined) {
      [...this.element.querySelectorAll<HTMLElement>('[data-part]')].find((it) => it.dataset.part === focused)?.focus();
    }
  }

  private computeButton(missing: readonly PartSummary[]): HTMLElement {
    const running = missing.some(({ name }) => this.inspection.progress.has(name));
    const label = running ? 'Computing…' : `Compute ${plural(missing.length, 'Part')}`;
    const compute = button({
      label,
      appearance: 'primary',
      onClick: () => this.actions.compute(missing.map(({ name }) => name)),
    });
    compute.disabled = running;
    return element('div', { class: 'parts-actions' }, compute);
  }

  private row(part: PartSummary, labels: ReadonlySet<string>): HTMLElement {
    const { name, label, within, shape } = part;
    const inner = this.found.parts.filter((other) => other.within === label).length;
    const nested = nestedIn(part, labels);
    const open = element(
      'button',
      { type: 'button', class: 'link', title: name, 'data-part': name, click: () => this.actions.open(part) },
      nested ? label.slice(within!.length + 1) : label,
    );
    return element(
      'tr',
      { class: nested ? 'within' : undefined },
      element('th', { scope: 'row' }, open, inner > 0 ? this.fold(label, inner) : null),
      element('td', {}, formatShape(shape)),
      ...this.cells(name),
    );
  }

  private fold(label: string, inner: number): HTMLElement {
    const unfolded = this.unfolded.has(label);
    return element(
      'button',
      {
        ...{ type: 'button', class: 'link fold', 'aria-expanded': String(unfolded), 'data-part': `${label} fold` },
        click: () => {
          if (unfolded) this.unfolded.delete(label);
          else this.unfolded.add(label);
          this.draw();
        },
      },
      element('span', { class: `codicon codicon-chevron-${unfolded ? 'down' : 'right'}`, 'aria-hidden': 'true' }),
      plural(inner, 'head'),
    );
  }

  private cells(name: string): HTMLElement[] {
    const result = this.inspection.partResults.get(name);
    const running = this.inspection.progress.get(name);
    if (!result) {
      const text = running ? `${running.stage} ${formatPercent(running.fraction)}` : 'not computed';
      return [element('td', { class: 'muted', colspan: this.columns.length }, text)];
    }
    const [problem] = result.problems;
    if (problem) return [element('td', { colspan: this.columns.length }, problem.message)];
    return this.columns.map(({ value, digits, label }) => {
      const number = value(result);
      if (number === null || number === undefined) {
        return element('td', { title: label === 'α' ? result.missing?.alpha : undefined }, '–');
      }
      return element('td', {}, digits === 0 ? formatCount(number) : formatNumber(number, digits));
    });
  }
}

/** Whether it lies in another part that is listed. */
function nestedIn({ within }: PartSummary, labels: ReadonlySet<string>): boolean {
  return within !== undefined && labels.has(within);
}

/** Which parts differ most in what they need. */
function finding(parts: readonly PartSummary[], results: ReadonlyMap<string, LayerResult>): string {
  const known = parts.flatMap(({ name, label }) => {
    const rank = results.get(name)?.metrics.stable_rank;
    return typeof rank === 'number' ? [{ label, rank }] : [];
  });
  const sorted = [...known].sort((a, b) => a.rank - b.rank);
  const [least, most] = [sorted[0], sorted.at(-1)];
  if (!least || !most || least === most) return `${plural(parts.length, 'matrix', 'matrices')} stored as one.`;
  const shown = ({ label, rank }: { label: string; rank: number }): string => `${formatNumber(rank, 3)} (${label})`;
  return `Stable ranks from ${shown(least)} to ${shown(most)}.`;
}
