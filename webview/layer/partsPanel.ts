/**
 * What a layer's matrix consists of (q, k and v of a fused projection, heads, gates), each with its leading numbers: computed
 * when a person asks for them, and opened as a layer of its own.
 */
import { l10n } from '../../extension/shared/language/l10n';
import type { InspectSettings } from '../../extension/shared/layers';
import type { LayerParts, PartSummary } from '../../extension/shared/tensors';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatMetric, formatNumber, formatPercent, formatShape, counted, formatCount } from '../numbers/format';
import { icon } from '../controls/icons';
import type { Inspection } from '../model/inspection';
import { measures, type Measure } from '../numbers/measures';

export interface PartsActions {
  /** Looks at a part as at a layer. */
  open(part: PartSummary): void;
  compute(names: string[]): void;
}

/** What the parts are compared by: measures of the table. */
const COLUMNS = ['alpha', 'farms_alpha', 'stable_rank', 'rank_energy_0.95', 'l2'];

/** What the letters that parts are called by stand for. */
const MEANING: Readonly<Record<string, string>> = {
  ...{
    q: l10n.t('queries'),
    k: l10n.t('keys'),
    v: l10n.t('values'),
    gate: l10n.t('gate projection'),
    up: l10n.t('up projection'),
  },
  ...{
    i: l10n.t('input gate'),
    f: l10n.t('forget gate'),
    o: l10n.t('output gate'),
    g: l10n.t('cell candidate'),
    c: l10n.t('cell candidate'),
  },
  ...{ r: l10n.t('reset gate'), z: l10n.t('update gate'), n: l10n.t('new state'), h: l10n.t('new state') },
};

type Known = Pick<Inspection, 'partResults' | 'progress' | 'busy' | 'isMissing'>;

export class PartsPanel {
  readonly element = element('div', { class: 'parts-panel' });
  private readonly finding = element('p', { class: 'plot-finding', role: 'status' });
  private readonly table = element('div');
  private readonly compute: Button;
  private readonly foot = element('div', { class: 'parts-actions' });
  /** Labels of the parts whose own parts are shown. */
  private readonly unfolded = new Set<string>();
  /** Labels of all parts. */
  private readonly labels: ReadonlySet<string>;
  /** Names of parts that were asked for. */
  private readonly asked = new Set<string>();
  /** Names of the parts in sight that have no numbers. */
  private missing: string[] = [];
  private readonly columns: readonly Measure[];
  private shown = '';

  constructor(
    private readonly inspection: Known,
    private readonly found: LayerParts,
    settings: InspectSettings,
    private readonly actions: PartsActions,
  ) {
    const keys = settings.farms.enabled ? COLUMNS : COLUMNS.filter((key) => key !== 'farms_alpha');
    const known = new Map(measures().map((measure) => [measure.key, measure]));
    this.columns = keys.map((key) => known.get(key)!);
    this.labels = new Set(found.parts.map(({ label }) => label));
    this.compute = button({ label: '', appearance: 'primary', onClick: () => this.ask() });
    this.foot.append(this.compute);
    if (found.parts.length === 0) {
      this.finding.textContent = l10n.t('No parts are known: {0}.', l10n.known(found.reason ?? ''));
      this.element.append(this.finding);
      return;
    }
    this.element.append(this.finding, this.table, this.foot);
    this.draw();
  }

  /** Results or progress may have come. */
  refresh(): void {
    if (this.found.parts.length > 0 && this.state() !== this.shown) this.draw();
  }

  /** What the drawing stands for. */
  private state(): string {
    const { partResults, progress, busy } = this.inspection;
    const stateOf = ({ name }: PartSummary): string => {
      if (!this.inspection.isMissing(name)) return '=';
      // That the engine died is known before the result that says so.
      return progress.get(name)?.fraction.toFixed(2) ?? partResults.get(name)?.problems[0]?.message ?? '-';
    };
    return `${busy} ${this.found.parts.map(stateOf).join()}`;
  }

  private draw(): void {
    this.shown = this.state();
    const visible = this.found.parts.filter((part) => !this.isNested(part) || this.unfolded.has(part.within!));
    this.missing = visible.map(({ name }) => name).filter((name) => this.inspection.isMissing(name));
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.part : undefined;
    this.drawTable(visible);
    const finding = this.findingOf(visible.filter((part) => !this.isNested(part)));
    // A status is read out whenever it is written.
    if (this.finding.textContent !== finding) this.finding.textContent = finding;
    const hadFocus = this.foot.contains(document.activeElement);
    this.foot.hidden = this.missing.length === 0;
    const running = this.inspection.busy && this.missing.some((name) => this.asked.has(name));
    // Never disabled: it would lose the focus, and asking twice does no harm.
    this.compute.textContent = running
      ? l10n.t('Computing…')
      : l10n.many(this.missing.length, 'Compute 1 Part', 'Compute {0} Parts', formatCount(this.missing.length));
    const next = this.foot.hidden && hadFocus ? visible[0]!.name : focused;
    [...this.table.querySelectorAll<HTMLElement>('[data-part]')].find((it) => it.dataset.part === next)?.focus();
  }

  private drawTable(visible: readonly PartSummary[]): void {
    const header = (text: string, title?: string): HTMLElement => element('th', { scope: 'col', title }, text);
    const columns = this.columns.map(({ label, description }) => header(label, description));
    this.table.replaceChildren(
      element(
        'table',
        { class: 'numbers parts' },
        element('caption', { class: 'hidden' }, 'Parts of the layer'),
        element('thead', {}, element('tr', {}, header(l10n.t('part')), header(l10n.t('shape')), ...columns)),
        element('tbody', {}, ...visible.map((part) => this.row(part))),
      ),
      ...this.reasons(visible),
    );
  }

  /** Why whole columns are empty: heads of a small model have no alpha. */
  private reasons(visible: readonly PartSummary[]): HTMLElement[] {
    const all = visible.flatMap(({ name }) => this.inspection.partResults.get(name) ?? []);
    const results = all.filter(({ matrices }) => matrices > 0);
    return this.columns.flatMap((measure) => {
      const reason = results[0] && measure.missing?.(results[0]);
      const isEmpty = results.every((result) => (measure.value(result) ?? null) === null);
      return isEmpty && reason !== undefined
        ? [element('p', { class: 'muted' }, l10n.t('No {0}: {1}.', measure.label, l10n.known(reason)))]
        : [];
    });
  }

  private ask(): void {
    for (const name of this.missing) this.asked.add(name);
    this.actions.compute(this.missing);
  }

  private row(part: PartSummary): HTMLElement {
    const { name, label, within, shape } = part;
    const inner = this.found.parts.filter((other) => other.within === label).length;
    const nested = this.isNested(part);
    const meaning = MEANING[label];
    const title = meaning === undefined ? name : `${name}: ${meaning}`;
    const open = element(
      'button',
      { type: 'button', class: 'link', title, 'data-part': name, click: () => this.actions.open(part) },
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
      icon(unfolded ? 'chevron-down' : 'chevron-right'),
      l10n.many(inner, '1 head', '{0} heads', formatCount(inner)),
    );
  }

  private cells(name: string): HTMLElement[] {
    const result = this.inspection.partResults.get(name);
    const running = this.inspection.progress.get(name);
    if (!result || running) {
      const text = running ? `${l10n.known(running.stage)} ${formatPercent(running.fraction)}` : l10n.t('not computed');
      return [element('td', { class: 'muted', colspan: this.columns.length }, text)];
    }
    const [problem] = result.problems;
    if (problem) return [element('td', { colspan: this.columns.length }, l10n.known(problem.message))];
    return this.columns.map((measure) => {
      const number = measure.value(result);
      if (number === null || number === undefined) return element('td', { title: measure.missing?.(result) }, '–');
      return element('td', { title: measure.title?.(result) }, formatMetric(number, measure.format));
    });
  }

  /** True if it lies in another part that is listed. */
  private isNested({ within }: PartSummary): boolean {
    return within !== undefined && this.labels.has(within);
  }

  /** Names the parts whose needs differ most. */
  private findingOf(parts: readonly PartSummary[]): string {
    const known = parts.flatMap(({ name, label }) => {
      const rank = this.inspection.partResults.get(name)?.metrics.stable_rank;
      return typeof rank === 'number' ? [{ label, rank }] : [];
    });
    const sorted = known.sort((a, b) => a.rank - b.rank);
    const [least, most] = [sorted[0], sorted.at(-1)];
    if (!least || !most || least === most) return l10n.t('{0} stored as one.', counted('matrices', parts.length));
    const shown = ({ label, rank }: { label: string; rank: number }): string => `${formatNumber(rank, 3)} (${label})`;
    return l10n.t('Stable ranks from {0} to {1}.', shown(least), shown(most));
  }
}
