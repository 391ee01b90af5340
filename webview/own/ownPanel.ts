/** A person's own numbers in the overview: which files they come from, what did not fit, and a plot against any number. */
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult } from '../../extension/shared/layers';
import { fileName } from '../../extension/shared/names/fileName';
import { ownKey, type KeptNumbers } from '../../extension/shared/ownNumbers';
import { visible } from '../../extension/shared/visibleText';
import { button, dropdown } from '../controls/controls';
import { element } from '../controls/elements';
import type { Inspection } from '../model/inspection';
import { counted, formatCount } from '../numbers/format';
import { measures } from '../numbers/measures';
import { ScatterPlot, type ScatterPoint } from './scatterPlot';

interface Axis {
  readonly key: string;
  readonly label: string;
  readonly value: (layer: string, result: LayerResult | undefined) => number | null | undefined;
}

export interface OwnPanelActions {
  open(layer: string): void;
  /** Reads a file again that has changed, or shows another one; absent where nobody can be asked for one. */
  readonly add?: () => void;
  readonly remove?: (path: string) => void;
}

const MEASURED: readonly Axis[] = measures().map((measure) => ({
  ...{ key: measure.key, label: measure.label },
  value: (_: string, result: LayerResult | undefined) => result && measure.value(result),
}));

export class OwnPanel {
  readonly element: HTMLElement;
  private readonly files = element('ul', { class: 'own-files' });
  private readonly choices = element('span', { class: 'own-axes' });
  private readonly plot: ScatterPlot;
  private axes: readonly Axis[] = [];
  private x = '';
  private y = 'alpha';
  private shown: Inspection['ownColumns'] | null = null;

  constructor(
    private readonly inspection: Inspection,
    private readonly actions: OwnPanelActions,
  ) {
    this.plot = new ScatterPlot([this.choices], (layer) => actions.open(layer));
    const add = actions.add && button({ label: l10n.t('Add Columns from File…'), icon: 'add', onClick: actions.add });
    this.element = element(
      'section',
      { class: 'own-numbers', 'aria-label': l10n.t('Your numbers'), hidden: true },
      element('div', { class: 'own-head' }, element('h3', { class: 'plot-title' }, l10n.t('Your numbers')), add),
      this.files,
      this.plot.element,
    );
  }

  refresh(): void {
    const { own, ownColumns } = this.inspection;
    this.element.hidden = own.length === 0;
    if (this.shown !== ownColumns) this.build();
    const has = ownColumns.size > 0;
    this.plot.element.hidden = !has;
    if (has) this.draw();
  }

  /** Other files: their list, and the numbers that can be chosen. */
  private build(): void {
    const { own, ownColumns } = this.inspection;
    this.shown = ownColumns;
    this.files.replaceChildren(...own.map((each) => this.fileItem(each)));
    const ownAxes = [...ownColumns].map(([name, values]): Axis => {
      return { key: ownKey(name), label: visible(name), value: (layer) => values.get(layer) };
    });
    this.axes = [...ownAxes, ...MEASURED];
    if (!this.axes.some(({ key }) => key === this.x)) this.x = ownAxes[0]?.key ?? 'alpha';
    if (!this.axes.some(({ key }) => key === this.y)) this.y = 'alpha';
    const options = this.axes.map(({ key, label }) => ({ value: key, label }));
    const choose = (label: string, value: string, set: (key: string) => void): HTMLElement =>
      dropdown(label, options, value, (key) => {
        set(key);
        this.draw();
      });
    this.choices.replaceChildren(
      choose(l10n.t('Number upwards'), this.y, (key) => (this.y = key)),
      element('span', { 'aria-hidden': 'true' }, 'against'),
      choose(l10n.t('Number to the right'), this.x, (key) => (this.x = key)),
    );
  }

  private draw(): void {
    const [x, y] = [this.x, this.y].map((wanted) => this.axes.find(({ key }) => key === wanted)!);
    const points = this.inspection.tree.leaves.flatMap(({ layer }): ScatterPoint[] => {
      if (layer === undefined) return [];
      const result = this.inspection.results.get(layer);
      const [left, up] = [x!.value(layer, result), y!.value(layer, result)];
      const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
      return isNumber(left) && isNumber(up) ? [{ layer, x: left, y: up }] : [];
    });
    this.plot.show({ points, xLabel: x!.label, yLabel: y!.label });
  }

  private fileItem(kept: KeptNumbers): HTMLElement {
    const { path } = kept;
    const name = visible(fileName(path));
    const { remove } = this.actions;
    const close =
      remove &&
      button({
        label: l10n.t('Remove the columns of {0}', name),
        icon: 'close',
        appearance: 'icon',
        onClick: () => remove(path),
      });
    const head = element('div', { class: 'own-file' }, element('b', { title: path }, name), ' ', factsOf(kept), close);
    const told = 'error' in kept ? [] : toldOf(kept);
    if (told.length === 0) return element('li', {}, head);
    const items = told.map((text) => element('li', {}, text));
    return element(
      'li',
      {},
      head,
      element('details', {}, element('summary', {}, problemsOf(kept)), element('ul', {}, ...items)),
    );
  }
}

function factsOf(kept: KeptNumbers): HTMLElement {
  if ('error' in kept) return element('span', { class: 'own-error', role: 'alert' }, kept.error);
  const { columns, layers } = kept;
  return element(
    'span',
    { class: 'muted' },
    l10n.t('{0} for {1}', counted('columns', columns.length), counted('layers', layers.length)),
  );
}

function problemsOf(kept: KeptNumbers): string {
  if ('error' in kept) return '';
  const { unmatched, problems } = kept;
  return [
    ...(unmatched.count > 0 ? [l10n.t('{0} not in this checkpoint', counted('names', unmatched.count))] : []),
    ...(problems.count > 0 ? [counted('problems', problems.count)] : []),
  ].join(', ');
}

function toldOf({ unmatched, problems }: Exclude<KeptNumbers, { error: string }>): string[] {
  const names = unmatched.count - unmatched.names.length;
  const others = problems.count - problems.messages.length;
  return [
    ...unmatched.names.map((name) => l10n.t('Not in this checkpoint: {0}', visible(name))),
    ...(names > 0 ? [l10n.many(names, 'and 1 more name', 'and {0} more names', formatCount(names))] : []),
    ...problems.messages.map(visible),
    ...(others > 0 ? [l10n.many(others, 'and 1 more problem', 'and {0} more problems', formatCount(others))] : []),
  ];
}
