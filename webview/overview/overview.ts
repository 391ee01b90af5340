/**
 * The answers before any click: what can be said of the model, where in it which numbers are, which layers are unusual and
 * why, and how much could be saved at what error.
 */
import { modelTotals, type SummaryKey } from '../../extension/shared/findings/modelTotals';
import { modelVerdict } from '../../extension/shared/findings/modelVerdict';
import type { UnusualLayer } from '../../extension/shared/findings/unusualLayers';
import type { PlanTarget } from '../../extension/shared/compression/plans';
import type { LayerResult } from '../../extension/shared/layers';
import type { ModelMap } from '../../extension/shared/names/modelMap';
import { l10n } from '../../extension/shared/language/l10n';
import { judgedShare } from '../../extension/shared/layerFindings';
import type { Host } from '../connection';
import type { ViewMemory } from '../viewMemory';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { setIcon } from '../controls/icons';
import { ModelMaps } from '../map/modelMaps';
import { counted, formatCount, formatNumber } from '../numbers/format';
import type { Inspection } from '../model/inspection';
import { ofTheModel } from '../numbers/ofTheModel';
import { SavingsPlot } from '../plots/savingsPlot';
import { savings, targetOf } from '../numbers/savings';
import { OwnPanel } from '../own/ownPanel';
import { FindingList, LOCAL_NUMBERS } from './findingList';

/** Least time between two drawings, and the share of the time that they may take: of 100 000 results each one is long. */
const REDRAW_MS = 400;
const LARGEST_SHARE = 0.1;

/** Placing the names of more tensors takes longer than the first rows may. */
const MOST_AT_ONCE = 10_000;

const NO_BLOCKS: ModelMap = { blocks: [], roles: [], roleNames: [], cells: [], rest: [] };

/** Means of WeightWatcher's summary, as they are called. */
const MEANS: readonly { key: SummaryKey; label: string; title: string }[] = [
  { key: 'alpha', label: l10n.t('mean α'), title: l10n.t('alpha: mean of alpha') },
  { key: 'farms_alpha', label: 'FARMS α', title: l10n.t('farms_alpha: mean of the FARMS alpha') },
  { key: 'alpha_weighted', label: 'α̂', title: l10n.t('alpha_weighted: mean of α·log₁₀ λ₁, WeightWatcher’s alpha-hat') },
  { key: 'log_norm', label: 'log ‖W‖²', title: l10n.t('log_norm: mean of log₁₀ ‖W‖²') },
  { key: 'log_spectral_norm', label: 'log λ₁', title: l10n.t('log_spectral_norm: mean of log₁₀ λ₁') },
  { key: 'log_alpha_norm', label: 'log Σλ^α', title: l10n.t('log_alpha_norm: mean of log₁₀ Σλ^α') },
  { key: 'stable_rank', label: l10n.t('stable rank'), title: l10n.t('stable_rank: mean of ‖W‖²/λ₁') },
];

export interface OverviewActions {
  open(layer: string): void;
  /** Shows the layers of a group of findings in the table, and no others. */
  showInTable(group: readonly UnusualLayer[]): void;
  addColumns(): void;
  removeColumns(path: string): void;
  /** Plans the compression of the whole model, at a target if one was chosen. */
  compress(target?: PlanTarget): void;
}

export class Overview {
  readonly element: HTMLElement;
  private readonly count = element('span', { class: 'badge' });
  private readonly verdict = element('p', { class: 'model-verdict' });
  private readonly means = element('dl', { class: 'model-means' });
  private readonly body = element('div', { class: 'overview-body', id: 'overview-body' });
  private readonly fold: Button;
  private readonly list: FindingList;
  /** Made after the first rows are seen if there are very many. */
  private maps: ModelMaps | null = null;
  private readonly savingsPlot: SavingsPlot;
  private readonly own: OwnPanel;
  private readonly hopeless: boolean;
  private readonly ofTheModel: ReturnType<typeof ofTheModel>;
  /** What the drawing stands for, and when it was made. */
  private shown = '';
  private drawn = -Infinity;
  private took = 0;
  private timer = 0;

  constructor(
    host: Host,
    private readonly inspection: Inspection,
    private readonly memory: ViewMemory,
    actions: OverviewActions,
  ) {
    const { tensors } = inspection.summary;
    this.ofTheModel = ofTheModel(tensors);
    this.hopeless = tensors.every(({ layers }) => layers.length === 0);
    const { hopeless } = this;
    const open = (layer: string): void => actions.open(layer);
    this.list = new FindingList(
      () => this.maps?.grid.map ?? NO_BLOCKS,
      open,
      (group) => actions.showInTable(group),
    );
    const build = (): void => {
      this.maps = new ModelMaps(host, inspection, memory, open);
      this.body.prepend(...this.maps.elements);
      this.shown = '';
      this.refresh();
    };
    this.savingsPlot = new SavingsPlot(
      hopeless ? l10n.t('No tensor here has a spectrum.') : l10n.t('Appears with the first inspected layers.'),
      hopeless ? [] : [button({ label: l10n.t('Compress Model…'), icon: 'fold', onClick: () => actions.compress() })],
      (point) => actions.compress(targetOf(point, this.savingsPlot.savings, inspection.summary.parameters)),
    );
    this.own = new OwnPanel(inspection, {
      open,
      add: () => actions.addColumns(),
      remove: (path) => actions.removeColumns(path),
    });
    this.fold = button({
      label: l10n.t('Fold'),
      icon: 'chevron-down',
      appearance: 'icon',
      onClick: () => this.toggle(),
    });
    this.fold.setAttribute('aria-controls', this.body.id);
    this.body.append(
      element(
        'section',
        { class: 'unusual', 'aria-label': l10n.t('Unusual layers') },
        element('h3', { class: 'plot-title' }, l10n.t('Unusual layers'), ' ', this.count),
        this.list.element,
      ),
      this.savingsPlot.element,
      this.own.element,
    );
    this.element = element(
      'section',
      { class: 'overview', 'aria-label': l10n.t('Overview') },
      element('h2', { class: 'hidden' }, l10n.t('Overview')),
      element('div', { class: 'overview-head' }, this.fold, element('div', {}, this.verdict, this.means)),
      this.body,
    );
    this.showFold();
    if (tensors.length <= MOST_AT_ONCE) build();
    else {
      this.refresh();
      // The frame after the one that draws the rows.
      requestAnimationFrame(() => window.setTimeout(build));
    }
  }

  /** Results come by the hundred a second: what they add up to is worked out now and then. */
  refresh(): void {
    if (this.timer !== 0 || this.shown === this.stateShown()) return;
    const wait = this.drawn + Math.max(REDRAW_MS, this.took / LARGEST_SHARE) - performance.now();
    if (wait <= 0) this.draw();
    else {
      this.timer = window.setTimeout(() => {
        this.timer = 0;
        this.draw();
      }, wait);
    }
  }

  private toggle(): void {
    this.memory.remember({ overview: !this.memory.current.overview });
    this.showFold();
  }

  private showFold(): void {
    const { overview } = this.memory.current;
    this.body.hidden = !overview;
    const label = overview ? l10n.t('Fold the overview') : l10n.t('Unfold the overview');
    this.fold.setAttribute('aria-label', label);
    this.fold.setAttribute('aria-expanded', String(overview));
    this.fold.title = label;
    setIcon(this.fold.firstElementChild as HTMLElement, overview ? 'chevron-down' : 'chevron-right');
  }

  private stateShown(): string {
    return `${this.inspection.version} ${this.inspection.busy}`;
  }

  private known(): LayerResult[] {
    return this.ofTheModel(this.inspection.results.values());
  }

  private draw(): void {
    this.shown = this.stateShown();
    this.drawn = performance.now();
    const ofModel = this.known();
    this.showVerdict(ofModel);
    this.showMeans(ofModel);
    const unusual = this.list.show(
      ofModel,
      this.notes(ofModel),
      this.inspection.busy ? l10n.t('None found so far.') : l10n.t('None found.'),
    );
    this.count.textContent = formatCount(unusual);
    this.count.hidden = unusual === 0;
    this.maps?.show(ofModel);
    this.savingsPlot.show(savings(ofModel));
    this.own.refresh();
    this.took = performance.now() - this.drawn;
  }

  private showVerdict(results: readonly LayerResult[]): void {
    const found = modelVerdict(results, LOCAL_NUMBERS);
    const waiting =
      this.inspection.looks.size > 0
        ? l10n.t('No verdict yet: estimates do not bear one, exact spectra are needed.')
        : l10n.t('No verdict yet: it appears with the first inspected layers.');
    const first = found?.sentence ?? waiting;
    const next =
      found?.next === undefined ? [] : [' ', element('span', { class: 'next-step' }, l10n.t('Next: {0}', found.next))];
    const soFar = this.inspection.busy ? l10n.t('So far: {0}', first) : first;
    const text = this.hopeless && !found ? l10n.t('No tensor here has a spectrum.') : soFar;
    if (this.verdict.dataset.text === text) return;
    this.verdict.dataset.text = text;
    this.verdict.replaceChildren(text, ...next);
  }

  private showMeans(results: readonly LayerResult[]): void {
    const { layers, means } = modelTotals(results);
    const title = l10n.t(
      'Means over {0} of ten eigenvalues or more, as in WeightWatcher’s summary',
      counted('layers', layers),
    );
    this.means.title = title;
    this.means.setAttribute('aria-label', title);
    this.means.replaceChildren(
      ...MEANS.flatMap(({ key, label, title: definition }) => {
        const mean = means[key];
        if (mean === null) return [];
        const value = element('dd', {}, formatNumber(mean, 3));
        return [element('div', { title: definition }, element('dt', {}, label), value)];
      }),
    );
    this.means.hidden = layers === 0;
  }

  /** What is said below the list. */
  private notes(results: readonly LayerResult[]): string[] {
    const { judged, layers } = judgedShare(results);
    const share = l10n.many(
      layers,
      '{0} of 1 layer gives enough evidence for a verdict.',
      '{0} of {1} layers give enough evidence for a verdict.',
      formatCount(judged),
      formatCount(layers),
    );
    if (results.length === 0) return [l10n.t('Layers that stand out are listed here, with the reason.')];
    return layers > 0 ? [share] : [];
  }
}
