/** The page of one open checkpoint: asks the host for what to show, builds the parts and lets them talk. */
import './language';
import './styles/page.css';
import { banner, Banners } from './overview/banners';
import { CompareView } from './compare/compareView';
import type { Host } from './connection';
import { button } from './controls/controls';
import { element } from './controls/elements';
import { showExports, type Told } from './overview/exportMenu';
import { Header } from './overview/header';
import { Inspection } from './model/inspection';
import { KeptPlace } from './layer/layerPlace';
import { LayerView } from './layer/layerView';
import type { TreeNode } from './model/moduleTree';
import { Overview } from './overview/overview';
import { PlanView } from './plan/planView';
import { savePicturesWith } from './plots/pictures/pictureMenu';
import { showMenu } from './controls/popup';
import type { ViewNotifications, ViewSelection, ViewState } from '../extension/protocol';
import type { ColumnLayout } from '../extension/shared/columnLayout';
import { l10n } from '../extension/shared/language/l10n';
import { fileName } from '../extension/shared/names/fileName';
import { ownKey } from '../extension/shared/ownNumbers';
import { problemText } from '../extension/shared/language/problemText';
import { problemOf } from '../extension/shared/rpc';
import { isFindKey } from './table/findBar';
import { rowMenu, TOGETHER, type PlannedRows, type RowMenuItem } from './table/rowMenu';
import { splitter } from './controls/splitter';
import { startPage } from './startPage';
import { TensorTable } from './table/tensorTable';
import { TextView } from './text/textView';
import type { TablePlace } from './table/tensorTableActions';
import type { ViewMemory } from './viewMemory';

class Page {
  private readonly inspection: Inspection;
  private readonly header: Header;
  private readonly banners: Banners;
  private readonly overview: Overview;
  readonly table: TensorTable;
  private readonly layer: LayerView;
  private readonly main: HTMLElement;
  private readonly plan: PlanView;
  private readonly text: TextView;
  private readonly compare: CompareView;
  private wasBusy = false;
  private inSight: string[] = [];
  private left: { focused: HTMLElement | SVGElement | null; scroll: number; table: TablePlace } | null = null;
  private readonly messages = element('div', { 'aria-live': 'polite' });

  constructor(
    private readonly host: Host,
    private readonly memory: ViewMemory,
    state: ViewState,
    root: HTMLElement,
    reload: () => void,
  ) {
    const inspection = new Inspection(state);
    this.inspection = inspection;
    this.header = new Header(inspection, {
      inspectAll: () => this.ask(host.request('inspect', {})),
      cancel: () => this.ask(host.request('cancel', {})),
      export: (owner) => showExports(owner, host, (titles) => this.table.text(titles), this.told),
      settings: () => this.ask(host.request('openSettings', null)),
      compress: () => this.openPlan({ focus: true }),
      evaluate: () => this.openText({ focus: true }),
    });
    this.banners = new Banners(
      inspection,
      reload,
      (names) => this.ask(host.request('inspect', { names })),
      () => this.ask(host.request('openWhole', null)),
    );
    this.overview = new Overview(host, inspection, memory, {
      open: (layer) => {
        this.leave();
        this.show(layer, { focus: 'title' });
      },
      addColumns: () => this.addColumns(),
      removeColumns: (path) => this.ask(host.request('removeColumns', { path })),
      showInTable: (group) => this.table.showFindings(group),
      compress: (target) => {
        if (target) this.plan.aim(target);
        this.leave();
        this.openPlan({ focus: true });
      },
    });
    const columns = {
      layout: state.columns,
      remember: (layout: ColumnLayout) => this.ask(host.request('rememberColumns', { layout })),
    };
    this.table = new TensorTable(inspection, memory, columns, {
      open: (node, how) => {
        if (node.layer !== undefined) this.show(node.layer, { focus: how === 'keyboard' ? 'title' : 'none' });
      },
      menu: (nodes, at) => showMenu(this.menuOf(nodes), at, this.table.table.element),
      together: (nodes) => this.menuOf(nodes).filter(({ label }) => TOGETHER.has(label)),
      addColumns: () => this.addColumns(),
      visible: (layers) => {
        this.inSight = layers;
        this.prioritise(layers);
      },
    });
    this.layer = new LayerView(host, inspection, {
      close: () => this.closeLayer(),
      inspect: (names) => this.ask(host.request('inspect', { names })),
      tab: (tab) => memory.remember({ tab }),
      place: (layer) =>
        new KeptPlace({ read: () => memory.current.place, write: (place) => memory.remember({ place }) }, layer),
      statistics: () => this.plan.statistics,
      quantised: () => this.plan.quantised,
      open: (layer) => this.show(layer, { focus: 'title' }),
    });
    this.compare = new CompareView(host, {
      close: () => this.closeCompare(),
      open: (layer) => this.show(layer, { focus: 'title' }),
      columns: () => this.table.columns,
    });
    this.plan = new PlanView(host, inspection, memory, {
      close: () => this.closePlan(),
      inspectAll: () => this.ask(host.request('inspect', {})),
      onText: () => this.openText({ focus: true }),
      openLayer: (layer) => {
        this.closePlan();
        memory.remember({ tab: 'methods' });
        this.show(layer, { focus: 'title' });
      },
    });
    this.text = new TextView(host, memory, {
      close: () => this.closeText(),
      useStatistics: (path) => this.plan.useStatistics(path),
      showPlan: () => this.openPlan({ focus: true }),
    });
    const left = element('div', { class: 'left' }, this.overview.element, this.table.element);
    this.main = element('main', { class: 'main' }, left);
    const bar = splitter(this.main, state.shares, (shares) => this.ask(host.request('rememberShares', { shares })));
    this.main.append(bar, this.layer.element, this.compare.element);
    root.dataset.about = fileName(state.summary.path);
    root.replaceChildren(this.header.element, this.banners.element, this.messages, this.main, this.plan.element);
    root.append(this.text.element);
    this.main.addEventListener('keydown', (event) => {
      if (isFindKey(event)) {
        // VS Code would hear it, too.
        event.stopPropagation();
        event.preventDefault();
        this.table.find();
        return;
      }
      // An open dropdown or a filled filter takes the first Escape.
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      if (this.layer.layer === null && !this.compare.isOpen) return;
      event.preventDefault();
      if (this.compare.isOpen) this.closeCompare();
      else this.closeLayer();
    });
    this.plan.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      event.preventDefault();
      this.closePlan();
    });
    this.text.element.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      event.preventDefault();
      this.closeText();
    });
    savePicturesWith(
      (name, kind, bytes) => this.ask(host.request('savePicture', { name, kind, bytes })),
      (error) => this.say('error', problemText(error)),
    );
    inspection.onChange(() => this.refresh());
    this.plan.showSaving(state.modelSaving);
    this.text.show(state.textRun);
    const { select } = state;
    if (memory.current.plan?.open === true && select === undefined) this.openPlan({ focus: false });
    else if (memory.current.text && select === undefined) this.openText({ focus: false });
    if (select) this.select(select);
    else if (memory.current.layer !== null && this.tensorOf(memory.current.layer)) this.show(memory.current.layer);
    if (!select) this.table.scrollBack();
  }

  private refresh(): void {
    // Rows came into sight before there was anything to put first.
    if (this.inspection.busy && !this.wasBusy) this.prioritise(this.inSight);
    this.wasBusy = this.inspection.busy;
    this.header.refresh();
    this.banners.refresh();
    this.overview.refresh();
    this.table.refresh();
    this.layer.refresh();
    this.compare.refresh();
    this.plan.refresh();
  }

  readonly handlers: { [K in keyof ViewNotifications]: (params: ViewNotifications[K]) => void } = {
    results: (results) => this.inspection.addResults(results),
    quick: (looks) => this.inspection.addLooks(looks),
    ownNumbers: (own) => this.inspection.setOwn(own),
    progress: (progress) => this.inspection.setProgress(progress),
    queue: (queue) => this.inspection.setQueue(queue),
    saving: (progress) => this.layer.saving(progress),
    modelSaving: (saving) => this.plan.showSaving(saving),
    textRun: (run) => this.text.show(run),
    testing: (progress) => this.layer.testing(progress),
    changed: (problem) => this.inspection.setChanged(problem),
    engine: (engine) => this.inspection.setEngine(engine),
    columns: (layout) => this.table.columns.take(layout),
    select: (selection) => this.select(selection),
  };

  private tensorOf(layer: string): TreeNode | undefined {
    const { inspection } = this;
    // A tensor of several layers has no row of its own numbers, but a name that links use.
    return inspection.leafOf(layer) ?? inspection.tree.leaves.find((leaf) => leaf.name === layer);
  }

  private show(name: string, how: { compress?: boolean; focus?: 'none' | 'title' } = {}): void {
    const node = this.tensorOf(name);
    if (!node?.tensor) return;
    const layer = node.layer ?? node.tensor.layers[0] ?? node.name;
    const tab = how.compress ? 'ranks' : this.memory.current.tab;
    this.compare.hide();
    this.main.classList.add('split');
    this.header.fold(true);
    this.remember(layer);
    this.table.select(layer);
    if (how.compress && this.layer.layer === layer) this.layer.turnTo('ranks');
    else void this.layer.show(layer, node.tensor, tab, how.compress ? 'compress' : (how.focus ?? 'none'));
  }

  private select(selection: ViewSelection): void {
    if ('plan' in selection) {
      this.openPlan({ focus: true });
      void this.plan.begin(selection.plan);
      return;
    }
    if ('text' in selection) {
      this.openText({ focus: true });
      return;
    }
    if (this.plan.isOpen) this.closePlan();
    if (this.text.isOpen) this.closeText();
    this.show(selection.layer, { compress: selection.compress });
  }

  /** Remembers where the overview was left, to go back to. */
  private leave(): void {
    if (this.layer.layer !== null || this.plan.isOpen) return;
    const focused = document.activeElement;
    this.left = {
      focused: focused instanceof HTMLElement || focused instanceof SVGElement ? focused : null,
      scroll: this.overview.element.scrollTop,
      table: this.table.place,
    };
  }

  /** Back to where the overview was left, else to the table. */
  private goBack(): void {
    const { left } = this;
    this.left = null;
    if (left) {
      this.table.goBack(left.table);
      this.overview.element.scrollTop = left.scroll;
    }
    if (left?.focused?.isConnected === true && this.overview.element.contains(left.focused)) {
      left.focused.focus({ preventScroll: true });
    } else this.table.focus();
  }

  /** In the place of the table, which stays as it is. */
  private openPlan(how: { focus: boolean }): void {
    this.text.close();
    this.memory.remember({ text: false });
    this.main.hidden = true;
    this.header.fold(true);
    this.plan.open(how);
  }

  private closePlan(): void {
    this.plan.close();
    this.main.hidden = false;
    this.header.fold(this.main.classList.contains('split'));
    this.goBack();
  }

  /** In the place of the table or the plan. */
  private openText(how: { focus: boolean }): void {
    this.leave();
    this.plan.close();
    this.main.hidden = true;
    this.memory.remember({ text: true });
    this.text.open(how);
  }

  private closeText(): void {
    this.text.close();
    this.memory.remember({ text: false });
    this.main.hidden = false;
    this.goBack();
  }

  private closeLayer(): void {
    this.layer.hide();
    this.main.classList.remove('split');
    this.header.fold(false);
    this.remember(null);
    this.table.select(null);
    this.goBack();
  }

  /** In the place of a layer's view; the rows stay chosen. */
  private compareLayers(nodes: readonly TreeNode[]): void {
    this.layer.hide();
    this.remember(null);
    this.main.classList.add('split');
    this.header.fold(true);
    this.compare.show(nodes);
  }

  private closeCompare(): void {
    this.compare.hide();
    this.main.classList.remove('split');
    this.header.fold(false);
    this.table.focus();
  }

  /** The host's commands begin with the layer that is open. */
  private remember(layer: string | null): void {
    this.memory.remember({ layer });
    this.ask(this.host.request('shows', { layer }));
  }

  private prioritise(layers: string[]): void {
    const { inspection } = this;
    const names = [...(this.layer.layer === null ? [] : [this.layer.layer]), ...layers];
    const waiting = names.filter((name) => inspection.isMissing(name));
    if (inspection.busy && waiting.length > 0) this.ask(this.host.request('prioritise', { names: waiting }));
  }

  private menuOf(nodes: readonly TreeNode[]): RowMenuItem[] {
    return rowMenu(nodes, this.inspection, {
      open: (layer, how) => this.show(layer, how),
      inspect: (names) => this.ask(this.host.request('inspect', { names })),
      cancel: (names) => this.ask(this.host.request('cancel', { names })),
      compare: (layers) => this.compareLayers(layers),
      compressThese: (rows) => this.planOnly(rows),
      copy: (text) => this.ask(navigator.clipboard.writeText(text)),
      saveNumbers: (names) => this.ask(this.host.request('exportNumbers', { format: 'csv', only: names })),
      copyNumbers: (leaves) => this.ask(navigator.clipboard.writeText(this.table.numbersOf(leaves))),
    });
  }

  private planOnly({ label, layers, nodes }: PlannedRows): void {
    const { bytes, parameters } = this.inspection.summary;
    const sum = (key: 'bytes' | 'parameters'): number => nodes.reduce((total, node) => total + node[key], 0);
    this.plan.limitTo(label, layers, { size: sum('bytes') / bytes, parameters: sum('parameters') / parameters });
    this.leave();
    this.openPlan({ focus: true });
  }

  /** Own numbers from a file that the host asks for; they are shown at once. */
  private addColumns(): void {
    const added = this.host.request('addColumns', null);
    this.ask(added.then((found) => found && this.table.columns.add(found.columns.map(ownKey))));
  }

  private readonly told: Told = { ask: (request) => this.ask(request), say: (text) => this.say('info', text) };

  /** A request whose answer is not needed; what goes wrong with it is said, unless the engine's own banner says it. */
  private ask(request: Promise<unknown>): void {
    request.catch((error: unknown) => {
      const { code, message } = problemOf(error);
      if (code !== 'engine-died' && code !== 'engine-stopped') this.say('error', l10n.known(message));
    });
  }

  private say(kind: 'info' | 'error', text: string): void {
    const clear = (): void => this.messages.replaceChildren();
    const dismiss = button({ label: l10n.t('Dismiss'), icon: 'close', appearance: 'icon', onClick: clear });
    this.messages.replaceChildren(banner(kind, text, dismiss));
  }
}

startPage((...parts) => new Page(...parts));
