/** One layer in full: its numbers in a line, then spectrum, ranks and compression, elements, and every number. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { ViewNotifications } from '../../extension/protocol';
import type { QuantisedSummary } from '../../extension/shared/compression/quantisedCheckpoint';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import type { LayerResult, LayerSpectrum } from '../../extension/shared/layers';
import { computedWords } from '../../extension/shared/deviceTitle';
import { aboutLayer } from './aboutLayer';
import { factoredText } from './factoredText';
import { problemText } from '../../extension/shared/language/problemText';
import type { LayerParts, PartSummary, TensorSummary } from '../../extension/shared/tensors';
import { allNumbers, statisticsTable } from './allNumbers';
import type { Host } from '../connection';
import { button, panels, type Button, type Panels } from '../controls/controls';
import { breakableName, element } from '../controls/elements';
import { formatCompact, formatCount, formatNumber, formatShape, counted } from '../numbers/format';
import { icon } from '../controls/icons';
import type { KeptPlace } from './layerPlace';
import { MatrixPanel } from './matrixPanel';
import { MethodsPanel } from './methodsPanel';
import { groupsAround, partGroups } from './multiples/memberGroups';
import { MultiplesPanel } from './multiples/multiplesPanel';
import { elementHistogramPlot } from '../plots/elementHistogramPlot';
import { FitTest } from './fitTest';
import type { Inspection } from '../model/inspection';
import { ofTheModel } from '../numbers/ofTheModel';
import { PartsPanel } from './partsPanel';
import { quickPanel } from './quickPanel';
import { ValuesPanel } from './values/valuesPanel';
import { keepZoomsWithin } from '../plots/zoom/zoomMemory';
import { RankPanel } from './rankPanel';
import { SpectrumPanel } from './spectrumPanel';

export interface LayerViewActions {
  close(): void;
  /** Statistics of the model's inputs that are in use. */
  statistics(): StatisticsSummary | null;
  quantised(): QuantisedSummary | null;
  /** How a layer was left, and where to keep it. */
  place(layer: string): KeptPlace;
  /** The tab a person turned to. */
  tab(id: string): void;
  inspect(names: string[]): void;
  /** Shows another layer. */
  open(layer: string): void;
}

/** A pause after which the place that was scrolled to is kept. */
const SCROLL_REST_MS = 200;

export type LayerTab = 'spectrum' | 'ranks' | 'methods' | 'parts' | 'elements' | 'matrix' | 'values' | 'numbers';

export class LayerView {
  readonly element: HTMLElement;
  /** Layer shown; null while closed. */
  layer: string | null = null;

  private readonly title = element('h2', { class: 'layer-name', tabindex: -1 });
  private readonly facts = element('p', { class: 'layer-facts' });
  private readonly body = element('div', { class: 'layer-body' });
  private readonly close: Button;
  private readonly ofModel: (results: Iterable<LayerResult>) => LayerResult[];
  private pending: CancellationTokenSource | null = null;
  private ranks: RankPanel | null = null;
  private fitTest: FitTest | null = null;
  private spectrum: SpectrumPanel | null = null;
  private matrix: MatrixPanel | null = null;
  private values: ValuesPanel | null = null;
  private methods: MethodsPanel | null = null;
  private parts: PartsPanel | null = null;
  private multiples: MultiplesPanel | null = null;
  private panels: Panels | null = null;
  /** Of the layer that is shown; null until it is. */
  private place: KeptPlace | null = null;
  private scrollTimer = 0;

  constructor(
    private readonly host: Host,
    private readonly inspection: Inspection,
    private readonly actions: LayerViewActions,
  ) {
    this.ofModel = ofTheModel(inspection.summary.tensors);
    this.close = button({
      label: l10n.t('Close (Escape)'),
      icon: 'close',
      appearance: 'icon',
      onClick: () => actions.close(),
    });
    this.element = element(
      'section',
      { class: 'layer', 'aria-label': l10n.t('Layer'), hidden: true },
      element('header', { class: 'layer-head' }, this.title, this.close, this.facts),
      this.body,
    );
    this.body.addEventListener('scroll', () => {
      window.clearTimeout(this.scrollTimer);
      const { place } = this;
      this.scrollTimer = window.setTimeout(() => place?.scrolled(this.body.scrollTop), SCROLL_REST_MS);
    });
  }

  /**
   * Shows a layer; with `compress`, at the rank and compression panel.
   *
   * @param whole the layer that it is a part of
   */
  async show(
    layer: string,
    tensor: TensorSummary,
    tab: string,
    focus: 'none' | 'title' | 'compress',
    whole?: WholeLayer,
  ): Promise<void> {
    this.pending?.cancel();
    const source = new CancellationTokenSource();
    this.pending = source;
    this.layer = layer;
    this.forget();
    this.element.hidden = false;
    this.element.setAttribute('aria-label', l10n.t('Layer {0}', layer));
    this.title.replaceChildren(...breakableName(layer));
    this.facts.replaceChildren(...this.factsAbout(tensor, null, whole));
    if (focus === 'title') this.title.focus({ preventScroll: true });
    this.message('loading', l10n.t('Reading the spectrum…'), [
      button({ label: l10n.t('Cancel'), onClick: () => this.actions.close() }),
    ]);
    const look = this.inspection.looks.get(layer);
    if (look) this.body.append(quickPanel(look));
    try {
      const [spectrum, parts] = await Promise.all([
        this.host.request('spectrum', { layer }, source.token),
        this.host.request('parts', { layer }, source.token),
      ]);
      if (this.pending !== source) return;
      const ranks = this.fill(spectrum, parts, tensor, tab, whole);
      this.scrollBack(layer);
      if (focus === 'compress') ranks?.compression.focus();
    } catch (error) {
      if (this.pending !== source) return;
      const again = button({
        label: l10n.t('Try Again'),
        onClick: () => void this.show(layer, tensor, tab, 'title', whole),
      });
      this.message('error', problemText(error), [again]);
    }
  }

  hide(): void {
    this.pending?.cancel();
    this.pending = null;
    this.layer = null;
    this.forget();
    this.element.hidden = true;
    this.body.replaceChildren();
  }

  /** Results or progress may have come. */
  refresh(): void {
    this.parts?.refresh();
    this.spectrum?.refresh();
    const result = this.layer === null ? undefined : this.inspection.results.get(this.layer);
    // One without matrices says that the engine died on it since: what is shown still holds.
    if (result && result.matrices > 0) this.ranks?.update(result.ranks);
  }

  /** Results of the model's own layers. */
  private modelResults(): LayerResult[] {
    return this.ofModel(this.inspection.results.values());
  }

  /** To where it was left; from then on, where it is scrolled to is kept. */
  private scrollBack(layer: string): void {
    this.place = this.actions.place(layer);
    const { scroll } = this.place.current;
    // What was kept of another layer is no more.
    this.place.scrolled(scroll);
    // Plots have their heights in the next frame.
    requestAnimationFrame(() => (this.body.scrollTop = scroll));
  }

  private forget(): void {
    window.clearTimeout(this.scrollTimer);
    this.place = null;
    this.parts = null;
    this.multiples?.cancel();
    this.multiples = null;
    this.ranks = null;
    this.fitTest?.cancel();
    this.fitTest = null;
    this.spectrum?.stop();
    this.spectrum = null;
    this.matrix?.dispose();
    this.matrix = null;
    this.values?.dispose();
    this.values = null;
    this.methods?.dispose();
    this.methods = null;
  }

  turnTo(tab: LayerTab): void {
    if (this.panels) this.panels.activeid = `tab-${tab}`;
    if (tab === 'ranks') this.ranks?.compression.focus();
  }

  /** In the table of values. */
  private showElement(row: number, col: number): void {
    this.turnTo('values');
    this.values?.goTo(row, col);
  }

  saving(progress: ViewNotifications['saving']): void {
    this.ranks?.compression.saving(progress);
  }

  testing(progress: ViewNotifications['testing']): void {
    this.fitTest?.progress(progress);
  }

  private message(kind: 'loading' | 'error' | 'info', text: string, actions: HTMLElement[] = []): void {
    const busy = kind === 'loading';
    this.body.replaceChildren(
      element(
        'div',
        { class: `layer-message ${kind}`, role: kind === 'error' ? 'alert' : 'status' },
        icon(busy ? 'loading' : kind),
        element('p', {}, text),
        ...actions,
      ),
    );
  }

  private fill(
    spectrum: LayerSpectrum,
    parts: LayerParts,
    tensor: TensorSummary,
    tab: string,
    whole: WholeLayer | undefined,
  ): RankPanel | null {
    const { layer } = spectrum;
    this.body.dataset.about = aboutLayer(layer);
    keepZoomsWithin(this.body, this.actions.place(layer.name));
    this.facts.replaceChildren(...this.factsAbout(tensor, spectrum, whole));
    const list: { id: LayerTab; label: string; content: HTMLElement }[] = [];
    if (spectrum.eigenvalues.length > 0) {
      this.ranks = new RankPanel(this.host, spectrum, this.elementBytes(layer, tensor));
      this.fitTest = new FitTest(this.host, layer);
      const place = this.actions.place(layer.name);
      const others = (): LayerResult[] => this.modelResults();
      this.spectrum = new SpectrumPanel(this.host, spectrum, tensor, this.fitTest, place, others);
      list.push({ id: 'spectrum', label: l10n.t('Spectrum'), content: this.spectrum.element });
      list.push({ id: 'ranks', label: l10n.t('Ranks and compression'), content: this.ranks.element });
    }
    this.methods = whole === undefined ? this.methodsPanel(spectrum, tensor) : null;
    if (this.methods) list.push({ id: 'methods', label: l10n.t('Methods'), content: this.methods.element });
    this.parts = this.partsPanel(parts, whole ?? { layer: layer.name, tensor });
    this.multiples = this.multiplesPanel(parts, whole ?? { layer: layer.name, tensor }, whole !== undefined);
    const members = [this.multiples, this.parts].flatMap((panel) => (panel ? [panel.element] : []));
    const label = this.parts ? l10n.t('Parts') : (this.multiples?.label ?? '');
    if (members.length > 0) list.push({ id: 'parts', label, content: element('div', {}, ...members) });
    if (layer.statistics) list.push({ id: 'elements', label: l10n.t('Elements'), content: elements(spectrum) });
    const matrix =
      tensor.layers.length > 0 ? new MatrixPanel(this.host, spectrum, (row, col) => this.showElement(row, col)) : null;
    this.matrix = matrix;
    if (matrix) list.push({ id: 'matrix', label: l10n.t('Matrix'), content: matrix.element });
    const values = new ValuesPanel(this.host, layer.name, spectrum.rankEigenvalues.length > 0);
    this.values = values;
    list.push({ id: 'values', label: l10n.t('Values'), content: values.element });
    list.push({ id: 'numbers', label: l10n.t('All numbers'), content: allNumbers(layer, tensor) });
    const active = list.some((panel) => panel.id === tab) ? tab : list[0]!.id;
    this.panels = panels(l10n.t('Views of the layer'), list, active, (id) => {
      if (id === 'matrix') matrix?.load();
      if (id === 'values') values.load();
      this.actions.tab(id);
    });
    if (active === 'matrix') matrix?.load();
    if (active === 'values') values.load();
    this.body.replaceChildren(...notices(layer), this.panels);
    return this.ranks;
  }

  /** Bytes of a stored element: a product is stored as its factors. */
  private elementBytes({ factored }: LayerResult, tensor: TensorSummary): number {
    const factors = this.inspection.summary.tensors.filter(({ name }) => factored?.factors.includes(name));
    const stored = factors.length > 0 ? factors : [tensor];
    const sum = (key: 'bytes' | 'parameters'): number => stored.reduce((total, each) => total + each[key], 0);
    return sum('bytes') / Math.max(1, sum('parameters'));
  }

  /** Null for what is not stored as a matrix: a product, or a kernel whose positions are matrices of their own. */
  private methodsPanel({ layer, rankMatrix }: LayerSpectrum, tensor: TensorSummary): MethodsPanel | null {
    if (layer.factored || layer.noSpectrum !== undefined || tensor.layers.length === 0) return null;
    const elementBytes = this.elementBytes(layer, tensor);
    const { rows: outputs, cols: inputs } = rankMatrix;
    const size = { outputs, inputs, elementBytes, storedBytes: outputs * inputs * elementBytes };
    return new MethodsPanel(this.host, layer.name, size, this.actions.statistics(), this.actions.quantised());
  }

  private partsPanel(parts: LayerParts, whole: WholeLayer): PartsPanel | null {
    if (parts.parts.length === 0 && parts.reason === undefined) return null;
    return new PartsPanel(this.inspection, parts, this.inspection.settings, {
      compute: (names) => this.actions.inspect(names),
      open: (part) => this.showPart(part, whole),
    });
  }

  private showPart(part: PartSummary, whole: WholeLayer): void {
    void this.show(part.name, partTensor(whole.tensor, part), 'spectrum', 'title', whole);
  }

  /** Heads or parts of the layer, and the experts beside it; null if there are none. */
  private multiplesPanel({ parts }: LayerParts, whole: WholeLayer, isPart: boolean): MultiplesPanel | null {
    const around = isPart ? [] : groupsAround(whole.layer, this.inspection.summary.tensors);
    const groups = [...partGroups(parts), ...around];
    if (groups.length === 0) return null;
    return new MultiplesPanel(this.host, whole.layer, groups, ({ name }) => {
      const part = parts.find((each) => each.name === name);
      if (part) this.showPart(part, whole);
      else this.actions.open(name);
    });
  }

  private factsAbout(tensor: TensorSummary, spectrum: LayerSpectrum | null, whole?: WholeLayer): HTMLElement[] {
    const facts = factsOf(tensor, spectrum);
    if (!whole) return facts;
    const back = (): void => void this.show(whole.layer, whole.tensor, 'parts', 'title');
    return [
      ...facts,
      element('button', { type: 'button', class: 'link', click: back }, l10n.t('part of {0}', whole.layer)),
    ];
  }
}

/** A layer whose part is shown. */
interface WholeLayer {
  layer: string;
  tensor: TensorSummary;
}

/** A part as the tensor that it could have been. */
function partTensor({ alias: _, ...tensor }: TensorSummary, { name, shape }: PartSummary): TensorSummary {
  const parameters = shape[0] * shape[1];
  const bytes = (tensor.bytes * parameters) / Math.max(1, tensor.parameters);
  return { ...tensor, name, shape, parameters, bytes, layers: [name] };
}

/** Shape and type from the header, precision and time once they are known. */
function factsOf(tensor: TensorSummary, spectrum: LayerSpectrum | null): HTMLElement[] {
  const layer = spectrum?.layer;
  // One matrix of a stack is not its tensor.
  const stacked = tensor.layers.length > 1;
  const shape = stacked ? tensor.shape.slice(1) : tensor.shape;
  const parameters = tensor.parameters / Math.max(1, tensor.layers.length);
  const facts = [
    formatShape(shape),
    tensor.encoding ?? tensor.dtype,
    // A tensor that is not stored has no parameters of its own.
    parameters > 0 && counted('parameters', parameters, formatCompact),
    stacked && l10n.t('one of {0} in {1}', formatCount(tensor.layers.length), tensor.name),
    tensor.alias !== undefined && l10n.t('also {0}', tensor.alias),
    tensor.sharedWith !== undefined && l10n.t('tied with {0}', tensor.sharedWith),
    layer && layer.matrices > 1 && l10n.t('{0} kernel positions', formatCount(layer.matrices)),
    layer?.precision !== undefined && computedWords(layer.precision),
    layer?.elapsed !== undefined && `${formatNumber(layer.elapsed / 1000, 2)} s`,
  ];
  return facts.filter((fact) => typeof fact === 'string').map((fact) => element('span', {}, fact));
}

/** What stands in the way of some numbers, in words. */
function notices(layer: LayerResult): HTMLElement[] {
  const texts: { kind: 'warning' | 'info'; text: string }[] = layer.problems.map(({ message }) => ({
    kind: 'warning',
    text: l10n.known(message),
  }));
  // A problem that took the spectrum says so itself.
  if (layer.noSpectrum !== undefined && texts.length === 0) {
    texts.push({ kind: 'info', text: l10n.t('No spectrum: {0}.', l10n.known(layer.noSpectrum)) });
  }
  if (layer.precisionNote !== undefined)
    texts.push({ kind: 'info', text: l10n.t('This layer was {0}.', l10n.known(layer.precisionNote)) });
  if (layer.factored) texts.push({ kind: 'info', text: factoredText(layer.name, layer.factored) });
  return texts.map(({ kind, text }) =>
    element('div', { class: `notice ${kind}` }, icon(kind), element('span', {}, text)),
  );
}

function elements({ layer, histogram }: LayerSpectrum): HTMLElement {
  const plot = histogram.counts.some((count) => count > 0) ? elementHistogramPlot(layer.name, histogram) : null;
  return element('div', { class: 'elements' }, plot, layer.statistics && statisticsTable(layer.statistics));
}
