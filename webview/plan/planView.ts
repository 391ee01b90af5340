/**
 * Compressing the whole model, in the checkpoint's tab: gets the layers from the engine, keeps the plan under way in the
 * view's memory, loads and saves it, and shows how a save stands.
 */
import type { ModelSaving } from '../../extension/shared/compression/modelSaving';
import type { CompressionPlan, PlanTarget } from '../../extension/shared/compression/plans';
import { KnownOfLayers } from '../../extension/shared/compression/methodNeeds';
import type { PlanSource } from '../../extension/shared/compression/planSource';
import type { QuantisedSummary } from '../../extension/shared/compression/quantisedCheckpoint';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { problemOf } from '../../extension/shared/rpc';
import type { Host } from '../connection';
import type { ViewMemory } from '../viewMemory';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { icon, type IconName } from '../controls/icons';
import type { Inspection } from '../model/inspection';
import { banner } from '../overview/banners';
import { mayBeDecoder } from '../overview/header';
import { PlanBoard } from './planBoard';
import { PlanLayers } from './planLayers';
import type { PlanInputs } from './planInputs';
import { QuantisedLine } from './quantisedLine';
import { GramSpectra } from './gramSpectra';
import { SavingBar } from './savingBar';
import { StatisticsCheck } from './statisticsCheck';
import { StatisticsLine } from './statisticsLine';
import { uninspectedText } from './uninspectedText';
import { changedSettings, FIRST_SETTINGS, type PlanSettings, type RememberedPlan } from './planSettings';

/** Results come by the hundred a second: the layers are asked for anew at most this often. */
const LAYERS_AGAIN_MS = 2000;

export interface PlanViewActions {
  close(): void;
  /** Computes the spectra of all layers that have none. */
  inspectAll(): void;
  openLayer(layer: string): void;
  /** Shows where a language model is run on a text. */
  onText(): void;
}

export class PlanView {
  readonly element: HTMLElement;
  private readonly title = element('h2', { tabindex: -1 }, l10n.t('Compression plan'));
  private readonly uninspected = element('div');
  private readonly messages = element('div', { 'aria-live': 'polite' });
  private readonly content = element('div', { class: 'plan-content' });
  private readonly savePlan: Button;
  private readonly saveModel: Button;
  private readonly saving: SavingBar;
  private readonly statisticsLine: StatisticsLine;
  private readonly quantisedLine: QuantisedLine;
  private readonly check: StatisticsCheck;
  private readonly gramSpectra: GramSpectra;
  private inputs: PlanInputs = {
    ...{ statistics: null, quantised: null, groups: [] },
    known: new KnownOfLayers(null, new Set()),
  };
  private board: PlanBoard | null = null;
  private source: PlanSource | null = null;
  /** Results that the layers at hand know of. */
  private version = -1;
  private asking = false;
  private busy = false;
  /** What is said of layers without a spectrum. */
  private said = '';
  private timer = 0;

  constructor(
    private readonly host: Host,
    private readonly inspection: Inspection,
    private readonly memory: ViewMemory,
    private readonly actions: PlanViewActions,
  ) {
    const back = button({
      ...{ label: l10n.t('Back to the Table'), icon: 'arrow-left', shrinks: true },
      title: l10n.t('Back to the table (Escape)'),
      onClick: () => actions.close(),
    });
    this.saveModel = button({
      ...{ label: l10n.t('Save Compressed Model…'), icon: 'save-as', appearance: 'primary' },
      onClick: () => void this.startSaving(),
    });
    const calibrate = button({
      ...{ label: l10n.t('Calibrate…'), icon: 'play', shrinks: true },
      title: l10n.t('Runs a language model on a text for statistics of its inputs'),
      onClick: () => actions.onText(),
    });
    this.saving = new SavingBar({
      cancel: () => void this.ask(host.request('cancelSaving', null)),
      resume: () => void this.ask(host.request('resumeSaving', null)),
      inspect: () => void this.ask(host.request('inspectSaved', null)),
      evaluate: () => this.ask(host.request('evaluateSaved', null)),
    });
    const shrinking = (label: string, picture: IconName, onClick: () => void): Button =>
      button({ label, icon: picture, shrinks: true, onClick });
    this.savePlan = shrinking(l10n.t('Save Plan…'), 'save', () => void this.save());
    this.statisticsLine = new StatisticsLine(host, {
      used: (statistics) => {
        this.remember({ statistics: statistics?.path ?? null });
        this.check.use(statistics);
        this.gramSpectra.use(statistics);
        this.inputsChanged();
      },
      failed: (message) => this.say('error', message),
    });
    this.gramSpectra = new GramSpectra(host, () => this.showSpectra());
    this.check = new StatisticsCheck(host, () => this.inputsChanged());
    this.quantisedLine = new QuantisedLine(host, {
      used: (quantised) => {
        this.remember({ quantised: quantised?.path ?? null });
        this.inputsChanged();
      },
      failed: (message) => this.say('error', message),
    });
    const load = shrinking(l10n.t('Load Plan…'), 'folder-opened', () => void this.show(null));
    // In place of the other one, which is hidden meanwhile.
    this.element = element(
      'main',
      { class: 'plan', 'aria-label': l10n.t('Compression plan'), hidden: true },
      element(
        'header',
        { class: 'plan-head' },
        back,
        this.title,
        element(
          'div',
          { class: 'plan-actions' },
          this.statisticsLine.button,
          ...(mayBeDecoder(inspection.summary) ? [calibrate] : []),
          ...[this.quantisedLine.button, load, this.savePlan, this.saveModel],
        ),
      ),
      this.messages,
      this.saving.element,
      this.uninspected,
      this.statisticsLine.element,
      this.check.element,
      this.gramSpectra.element,
      this.quantisedLine.element,
      this.content,
    );
  }

  /** In use for the whole model, and for each layer's view. */
  get statistics(): StatisticsSummary | null {
    return this.statisticsLine.statistics;
  }

  get quantised(): QuantisedSummary | null {
    return this.quantisedLine.quantised;
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(how: { focus: boolean }): void {
    this.element.hidden = false;
    this.remember({ open: true });
    if (how.focus) this.title.focus({ preventScroll: true });
    if (!this.board) void this.fetch();
    this.refresh();
  }

  /** Takes the place of the target that was asked for before. */
  aim(target: PlanTarget): void {
    this.change({ target });
  }

  /**
   * Limits the plan to some layers, which are to become half as large; an error that was asked for is of these layers only.
   *
   * @param shares of the whole model: what these layers are of its bytes and of its parameters
   */
  limitTo(label: string, layers: readonly string[], shares: { size: number; parameters: number }): void {
    const { target, only } = this.settings;
    const before = only?.before ?? target;
    const halved = before.kind === 'error' ? before : { kind: before.kind, value: 1 - shares[before.kind] / 2 };
    this.change({ only: { label, layers, before }, target: halved });
  }

  private change(change: Partial<PlanSettings>): void {
    if (this.board) this.board.ask(change);
    else this.remember({ settings: changedSettings(this.settings, change) });
  }

  close(): void {
    this.element.hidden = true;
    this.remember({ open: false });
  }

  /** Results may have come: the layers are asked for again once there are new ones. */
  refresh(): void {
    if (!this.isOpen) return;
    this.showUninspected();
    const { version } = this.inspection;
    if (version === this.version || this.asking || this.timer !== 0) return;
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.fetch();
    }, LAYERS_AGAIN_MS);
  }

  /** What it was opened for: a plan from a file, to be saved at once, statistics. */
  async begin({ path, then }: { path: string | null; then?: 'save' | 'statistics' }): Promise<void> {
    if (path !== null && !(await this.show(path))) return;
    if (then === 'save') await this.startSaving();
    if (then === 'statistics') await this.statisticsLine.use(null);
  }

  /**
   * Shows a plan from a file, which the host asks for if none is named.
   *
   * @returns false if it is not shown
   */
  private async show(path: string | null): Promise<boolean> {
    try {
      const loaded = await this.host.request('loadPlan', { path, statistics: this.statistics?.path ?? null });
      if (!loaded) return false;
      if (!this.board) await this.fetch();
      if (!this.board) return false;
      this.board.take(loaded.plan);
      this.say('info', l10n.t('Loaded {0}.', loaded.path));
      return true;
    } catch (error) {
      this.say('error', problemOf(error).message);
      return false;
    }
  }

  /** How saving the model stands. */
  showSaving(saving: ModelSaving | undefined): void {
    this.saving.show(saving);
    this.busy = saving?.state === 'running';
    this.enable();
  }

  private enable(): void {
    const nothing = this.board?.plan == null;
    this.savePlan.disabled = nothing;
    this.saveModel.disabled = nothing || this.busy;
  }

  /** There is a plan, or none, of what is asked now. */
  private planned(): void {
    this.enable();
    this.check.want(this.board?.usedStatistics() ?? new Map());
    this.gramSpectra.want(this.board?.wantedGramSpectra() ?? []);
    this.showUninspected();
  }

  private async startSaving(): Promise<void> {
    const plan = this.plan();
    if (!plan) return;
    // What was said of the plan before is no news beside what is said of the model.
    this.messages.replaceChildren();
    try {
      await this.host.request('saveModel', {
        plan,
        statistics: this.statistics?.path ?? null,
        quantised: this.quantised?.path ?? null,
      });
    } catch (error) {
      this.say('error', problemOf(error).message);
    }
  }

  /** Statistics from a file, in place of those in use and of those that a closed tab had. */
  useStatistics(path: string): void {
    this.remember({ statistics: path });
    void this.statisticsLine.use(path);
  }

  private plan(): CompressionPlan | null {
    return (this.source && this.board?.compressionPlan(this.source.checkpoint, this.statistics)) ?? null;
  }

  /** @returns resolves when it is answered, whatever the answer */
  private async ask(request: Promise<unknown>): Promise<void> {
    try {
      await request;
    } catch (error) {
      this.say('error', problemOf(error).message);
    }
  }

  private async fetch(): Promise<void> {
    this.asking = true;
    const { version } = this.inspection;
    if (!this.board) this.wait('loading', l10n.t('Reading the layers…'));
    try {
      const source = await this.host.request('planLayers', null);
      if (!this.board) this.inputs = { ...this.inputs, groups: await this.host.request('groupOptions', null) };
      const layers = new PlanLayers(this.gramSpectra.with(source.layers), source.rest);
      this.version = version;
      this.source = source;
      if (this.board) this.board.use(layers);
      else this.build(layers);
    } catch (error) {
      const again = button({ label: l10n.t('Try Again'), icon: 'refresh', onClick: () => void this.fetch() });
      if (this.board) this.say('error', problemOf(error).message);
      else this.wait('error', problemOf(error).message, again);
    } finally {
      this.asking = false;
      this.enable();
      this.showUninspected();
    }
  }

  /** More spectra are known under the Gram matrices, or none. */
  private showSpectra(): void {
    if (this.source) this.board?.use(new PlanLayers(this.gramSpectra.with(this.source.layers), this.source.rest));
  }

  private build(layers: PlanLayers): void {
    const remembered = this.memory.current.plan;
    this.board = new PlanBoard(layers, this.settings, remembered?.order ?? null, () => this.inputs, this.host, {
      changed: (settings, order) => this.remember({ settings, order }),
      planned: () => this.planned(),
      openLayer: (layer) => this.actions.openLayer(layer),
    });
    this.content.replaceChildren(this.board.element);
    // As the window was left.
    const path = remembered?.statistics ?? null;
    if (path !== null && this.statistics === null) void this.statisticsLine.use(path);
    const quantised = remembered?.quantised ?? null;
    if (quantised !== null && this.quantised === null) void this.quantisedLine.use(quantised);
  }

  private inputsChanged(): void {
    const { statistics, quantised } = this;
    const known = new KnownOfLayers(statistics, new Set(quantised?.layers), this.check.refused);
    this.inputs = { ...this.inputs, statistics, quantised, known };
    this.board?.refreshMethods();
  }

  private wait(kind: 'loading' | 'error', text: string, action: HTMLElement | null = null): void {
    const role = kind === 'error' ? 'alert' : 'status';
    this.content.replaceChildren(
      element('div', { class: `layer-message ${kind}`, role }, icon(kind), element('p', {}, text), action),
    );
  }

  private async save(): Promise<void> {
    const plan = this.plan();
    if (!plan) return;
    try {
      const saved = await this.host.request('savePlan', { plan });
      if (saved) this.say('info', l10n.t('Saved {0}.', saved.path));
    } catch (error) {
      this.say('error', problemOf(error).message);
    }
  }

  private get settings(): PlanSettings {
    // An older version of this page may have remembered less.
    return this.board?.settings ?? { ...FIRST_SETTINGS, ...this.memory.current.plan?.settings };
  }

  private remember(change: Partial<RememberedPlan>): void {
    const { settings } = this;
    const before = this.memory.current.plan ?? {
      open: false,
      settings,
      order: null,
      statistics: null,
      quantised: null,
    };
    this.memory.remember({ plan: { ...before, ...change } });
  }

  private say(kind: 'info' | 'error', text: string): void {
    const dismiss = button({
      label: l10n.t('Dismiss'),
      icon: 'close',
      appearance: 'icon',
      onClick: () => this.messages.replaceChildren(),
    });
    this.messages.replaceChildren(banner(kind, l10n.known(text), dismiss));
  }

  /** A layer without a spectrum stays dense, because nothing is known of what it would lose. */
  private showUninspected(): void {
    const { busy, queue } = this.inspection;
    const missing = this.board?.plan?.missing.length ?? 0;
    const unread = this.board?.unread ?? 0;
    const text = uninspectedText({ missing, unread }, busy ? queue : null);
    if (text === this.said) return;
    this.said = text;
    const inspect = busy
      ? null
      : button({ label: l10n.t('Inspect All'), icon: 'play', onClick: () => this.actions.inspectAll() });
    this.uninspected.replaceChildren(...(text === '' ? [] : [banner('info', text, inspect)]));
  }
}
