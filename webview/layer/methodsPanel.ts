/**
 * Methods side by side for one layer: each is measured by the engine on what it would store, at the share of the parameters
 * that a person chooses (the table) and at others (the curve). What one loses, and where, is shown on request.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { LayerSize } from '../../extension/compression/plan/methodCosts';
import { KnownOfLayers } from '../../extension/shared/compression/methodNeeds';
import type { MeasuredLayer } from '../../extension/shared/compression/measured';
import { layerMethod, layerMethods, type MethodName } from '../../extension/shared/compression/methodTable';
import type { LayerChoice } from '../../extension/shared/compression/plans';
import type { QuantisedSummary } from '../../extension/shared/compression/quantisedCheckpoint';
import type { StatisticsSummary } from '../../extension/shared/compression/statistics';
import { l10n } from '../../extension/shared/language/l10n';
import { problemText } from '../../extension/shared/language/problemText';
import type { Host } from '../connection';
import { button, checkbox, setChecked, type Button, type Checkbox } from '../controls/controls';
import { element } from '../controls/elements';
import { numberInput, setUnlessEdited } from '../controls/fields';
import { formatCount, formatPercent } from '../numbers/format';
import { choiceAtShare } from '../plan/choiceAtShare';
import { lackingWith, type Lacking } from '../plan/neededStatistics';
import { statisticsName } from '../plan/statisticsLine';
import { SizeErrorPlot, type ErrorCurve } from '../plots/sizeErrorPlot';
import { DifferencePanel } from './differencePanel';
import { methodsTable, type MethodOutcome } from './methodsTable';

/** Shares of the parameters of a curve's other points. */
const CURVE_SHARES = [0.1, 0.25, 0.4, 0.6, 0.8];

const FIRST_SHARE = 0.5;

/** Compared unless a person chooses others: they need nothing, and are quick. */
const FIRST_METHODS: readonly MethodName[] = ['svd', 'dct', 'quantise'];

export class MethodsPanel {
  readonly element: HTMLElement;
  private share = FIRST_SHARE;
  private readonly boxes = new Map<MethodName, Checkbox>();
  private readonly outcomes = new Map<MethodName, MethodOutcome>();
  private readonly curves = new Map<MethodName, MeasuredLayer[]>();
  private readonly slider: HTMLInputElement;
  private readonly number: HTMLInputElement;
  private readonly compare: Button;
  private readonly cancel: Button;
  private readonly status = element('p', { class: 'muted', role: 'status' });
  private readonly results = element('div', { class: 'methods-results' });
  private readonly plot = new SizeErrorPlot(l10n.t('Error by size'), l10n.t('method'));
  private readonly difference: DifferencePanel;
  private running: CancellationTokenSource | null = null;

  constructor(
    private readonly host: Host,
    private readonly layer: string,
    private readonly size: LayerSize & { storedBytes: number },
    private readonly statistics: StatisticsSummary | null,
    private readonly quantised: QuantisedSummary | null,
  ) {
    this.slider = element('input', {
      ...{ class: 'target-slider', type: 'range', min: 1, max: 100, step: 1 },
      ...{ 'aria-label': l10n.t('Share of the parameters that stays') },
      input: () => this.setShare(this.slider.valueAsNumber / 100),
    });
    this.number = numberInput({ min: 1, max: 100, step: 'any' }, (value) => {
      this.setShare(Math.min(100, Math.max(1, value)) / 100);
    });
    this.number.setAttribute('aria-label', l10n.t('Share of the parameters that stays, in percent'));
    this.compare = button({
      label: l10n.t('Compare'),
      icon: 'play',
      appearance: 'primary',
      onClick: () => void this.run(),
    });
    this.cancel = button({ label: l10n.t('Cancel'), icon: 'debug-stop', onClick: () => this.running?.cancel() });
    this.cancel.hidden = true;
    this.difference = new DifferencePanel(host, layer, this.sources);
    this.plot.element.hidden = true;
    this.element = element(
      'div',
      { class: 'methods-panel' },
      element(
        'section',
        { class: 'methods-form', 'aria-label': l10n.t('Methods to compare') },
        element(
          'div',
          { class: 'target' },
          element('span', { class: 'rank-name' }, l10n.t('Parameters that stay')),
          this.slider,
          element('div', { class: 'field-control' }, this.number, element('span', { class: 'unit' }, '%')),
        ),
        this.methodBoxes(),
        this.statistics &&
          element(
            'p',
            { class: this.statistics.synthetic ? 'problem' : 'muted' },
            this.statisticsText(this.statistics),
          ),
        element('div', { class: 'row-actions' }, this.compare, this.cancel, this.status),
      ),
      this.results,
      this.plot.element,
      this.difference.element,
    );
    this.setShare(FIRST_SHARE);
  }

  /** Nobody looks any more. */
  dispose(): void {
    this.running?.cancel();
    this.difference.dispose();
  }

  private methodBoxes(): HTMLElement {
    const known = new KnownOfLayers(this.statistics, new Set(this.quantised?.layers));
    const general = lackingWith(this.statistics, this.quantised !== null);
    const lacking: Lacking = (method) => general(method) ?? known.lacking(this.layer, method);
    const items = layerMethods.map(({ name, label, description }) => {
      const lack = lacking(name);
      const box = checkbox(lack === undefined ? label : `${label} (${lack})`, false, () => undefined);
      box.title = description;
      box.disabled = lack !== undefined;
      setChecked(box, FIRST_METHODS.includes(name));
      this.boxes.set(name, box);
      return element('li', {}, box);
    });
    return element(
      'fieldset',
      { class: 'exclude' },
      element('legend', {}, l10n.t('Methods')),
      element('ul', { class: 'method-boxes' }, ...items),
    );
  }

  /** Files that methods read beside the model. */
  private get sources(): { statistics?: string; quantised?: string } {
    return {
      ...(this.statistics && { statistics: this.statistics.path }),
      ...(this.quantised && { quantised: this.quantised.path }),
    };
  }

  private statisticsText(statistics: StatisticsSummary): string {
    const text = l10n.t('Statistics of the inputs: {0}.', statisticsName(statistics));
    return statistics.synthetic
      ? `${text} ${l10n.t('What they weigh is arbitrary: they say nothing of real inputs.')}`
      : text;
  }

  private setShare(share: number): void {
    this.share = share;
    this.slider.value = String(100 * share);
    this.slider.setAttribute('aria-valuetext', l10n.t('{0} of the parameters', formatPercent(share)));
    setUnlessEdited(this.number, String(Math.round(1000 * share) / 10));
  }

  private async run(): Promise<void> {
    const methods = [...this.boxes].filter(([, { checked, disabled }]) => checked && !disabled).map(([name]) => name);
    if (methods.length === 0) {
      this.status.textContent = l10n.t('Choose at least one method.');
      return;
    }
    const source = new CancellationTokenSource();
    this.running = source;
    this.compare.disabled = true;
    this.cancel.hidden = false;
    this.outcomes.clear();
    this.curves.clear();
    this.difference.clear();
    const at = (method: MethodName, share: number): LayerChoice =>
      choiceAtShare({ method }, this.size, this.size.storedBytes, share);
    const table = methods.map((method) => ({ method, choice: at(method, this.share) }));
    // A method without a rank is one point.
    const others = CURVE_SHARES.flatMap((share) =>
      methods
        .filter((method) => layerMethod(method).rank !== undefined && layerMethod(method).stores !== 'adapter')
        .map((method) => ({ method, choice: at(method, share) })),
    );
    const all = [...table, ...others];
    for (const [done, { method, choice }] of all.entries()) {
      if (source.token.isCancellationRequested) break;
      this.status.textContent = l10n.t(
        '{0}: {1} of {2}',
        layerMethod(method).label,
        formatCount(done + 1),
        formatCount(all.length),
      );
      await this.measure(method, choice, done < table.length, source);
    }
    if (this.running !== source) return;
    this.running = null;
    this.compare.disabled = false;
    this.cancel.hidden = true;
    this.status.textContent = source.token.isCancellationRequested ? l10n.t('Cancelled.') : '';
  }

  private async measure(
    method: MethodName,
    choice: LayerChoice,
    isRow: boolean,
    source: CancellationTokenSource,
  ): Promise<void> {
    // One that failed at the chosen share is not tried at others.
    if (!isRow && 'problem' in (this.outcomes.get(method) ?? {})) return;
    try {
      const params = { layer: this.layer, choices: [choice], ...this.sources };
      const [measured] = await this.host.request('compareChoices', params, source.token);
      if (!measured || source.token.isCancellationRequested) return;
      if (isRow) this.outcomes.set(method, { choice, measured });
      this.curves.set(method, [...(this.curves.get(method) ?? []), measured]);
    } catch (error) {
      if (source.token.isCancellationRequested) return;
      const message = problemText(error);
      if (isRow) this.outcomes.set(method, { choice, problem: message });
      else this.status.textContent = message;
    }
    this.draw();
  }

  private draw(): void {
    this.results.replaceChildren(
      methodsTable(this.layer, [...this.outcomes.values()], (choice) => void this.difference.show(choice)),
    );
    const curves = [...this.curves].map(([method, measured]): ErrorCurve => ({
      ...{ name: method, label: layerMethod(method).label },
      points: measured
        .map(({ bytes, relative_error: error }) => ({ share: bytes.after / bytes.before, error }))
        .sort((a, b) => a.share - b.share),
    }));
    this.plot.element.hidden = curves.length === 0;
    this.plot.show(curves, null, '', 'size', this.finding());
  }

  private finding(): string {
    const measured = [...this.outcomes.values()].flatMap((outcome) =>
      'measured' in outcome ? [outcome.measured] : [],
    );
    const [best] = [...measured].sort((a, b) => a.relative_error - b.relative_error);
    if (!best) return l10n.t('No method could be measured.');
    const { label } = layerMethod(best.choice.method);
    const { before, after } = best.bytes;
    return l10n.t(
      'The least error here is {0}, by {1} at {2} of the bytes.',
      formatPercent(best.relative_error),
      label,
      formatPercent(after / before),
    );
  }
}
