/**
 * The model on a text, in the checkpoint's tab: what it runs on, how long that takes, how it stands, and what came out. The run
 * is the host's and goes on while the tab is hidden.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { DecoderCalibrationReport } from '../../extension/shared/decoderRuns';
import { l10n } from '../../extension/shared/language/l10n';
import { fileName } from '../../extension/shared/names/fileName';
import { problemOf } from '../../extension/shared/rpc';
import type { DecoderFacts, TextEstimate, TextRun } from '../../extension/shared/textRuns';
import type { Host } from '../connection';
import type { ViewMemory } from '../viewMemory';
import { button, type Button } from '../controls/controls';
import { element } from '../controls/elements';
import { icon } from '../controls/icons';
import { durationText } from '../numbers/duration';
import { counted, formatCount } from '../numbers/format';
import { banner } from '../overview/banners';
import { evaluationFinding, evaluationTable } from './evaluationTable';
import { modelNames } from './modelNames';
import { RunBar } from './runBar';
import { TextForm } from './textForm';
import { WindowsPlot } from './windowsPlot';

export interface TextViewActions {
  close(): void;
  /** Statistics that were made: the plan is to use them. */
  useStatistics(path: string): void;
  showPlan(): void;
}

export class TextView {
  readonly element: HTMLElement;
  private readonly title = element('h2', { tabindex: -1 }, l10n.t('The model on a text'));
  private readonly messages = element('div', { 'aria-live': 'polite' });
  private readonly content = element('div', { class: 'text-content' });
  private readonly estimate = element('p', { class: 'muted text-estimate', role: 'status' });
  private readonly result = element('section', { class: 'text-result', hidden: true });
  private readonly bar: RunBar;
  private readonly start: Button;
  private readonly calibration: Button;
  private form: TextForm | null = null;
  private busy = false;
  private asking = false;
  private estimating: CancellationTokenSource | null = null;
  private shown: TextRun | undefined;

  constructor(
    private readonly host: Host,
    private readonly memory: ViewMemory,
    private readonly actions: TextViewActions,
  ) {
    const back = button({
      label: l10n.t('Back to the Table'),
      icon: 'arrow-left',
      title: l10n.t('Back to the table (Escape)'),
      onClick: () => actions.close(),
    });
    this.bar = new RunBar(() => void this.ask(host.request('cancelOnText', null)));
    this.start = button({
      label: l10n.t('Evaluate'),
      icon: 'play',
      appearance: 'primary',
      title: l10n.t('How well the model foretells each next token of the text'),
      onClick: () => void this.evaluate(),
    });
    this.calibration = button({
      label: l10n.t('Calibrate…'),
      icon: 'beaker',
      title: l10n.t(
        'Saves statistics of what the weights are multiplied with: more methods of compression can be chosen',
      ),
      onClick: () => void this.calibrate(),
    });
    this.element = element(
      'main',
      { class: 'text-view', 'aria-label': l10n.t('The model on a text'), hidden: true },
      element('header', { class: 'plan-head' }, back, this.title),
      this.messages,
      element('div', { class: 'text-body' }, this.content, this.bar.element, this.result),
    );
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  open(how: { focus: boolean }): void {
    this.element.hidden = false;
    if (how.focus) this.title.focus({ preventScroll: true });
    if (!this.form && !this.asking) void this.fetch();
  }

  close(): void {
    this.estimating?.cancel();
    this.element.hidden = true;
  }

  /** How the run stands. */
  show(run: TextRun | undefined): void {
    if (!run) return;
    const before = this.shown;
    this.shown = run;
    this.busy = run.state === 'running';
    this.bar.show(run);
    this.enable();
    if (run.state === 'calibrated') this.calibrated(run.result);
    if (run.state !== 'running') this.memory.remember({ calibrating: false });
    if (run.state !== 'done' || run === before) return;
    const { result, text } = run;
    const names = modelNames(result.models.map(({ name }) => name));
    const counts = l10n.t(
      '{0}: {1} of {2}, {3} of them scored.',
      fileName(text),
      counted('windows', result.windows),
      counted('tokens', result.length),
      counted('tokens', result.tokens),
    );
    this.result.hidden = false;
    this.result.setAttribute('aria-label', l10n.t('Evaluation'));
    this.result.replaceChildren(
      element('h3', {}, l10n.t('Evaluation')),
      element('p', { role: 'status' }, evaluationFinding(result, names)),
      element('p', { class: 'muted' }, counts, ' ', intervalNote(result.windows > 1)),
      evaluationTable(result, names),
      new WindowsPlot(result, names, fileName(text)).element,
    );
  }

  private calibrated(report: DecoderCalibrationReport): void {
    const { path, layers, windows, length, diagonal, singular, unreached } = report;
    // Once: the person may have chosen other ones, or none, since.
    if (this.memory.current.calibrating) this.actions.useStatistics(path);
    const saved = l10n.t(
      'Saved statistics of {0} in {1}, from {2} of {3}.',
      counted('layers', layers.length),
      path,
      counted('windows', windows),
      counted('tokens', length),
    );
    const notes = [
      ...(diagonal.length > 0 ? [l10n.t('Without a Gram matrix, for want of memory: {0}.', few(diagonal))] : []),
      ...(singular.length > 0 ? [l10n.t('Too few tokens for a regular Gram matrix: {0}.', few(singular))] : []),
      ...(unreached.length > 0 ? [l10n.t('No token went to: {0}.', few(unreached))] : []),
    ];
    const use = button({
      label: l10n.t('Show in the Plan'),
      icon: 'fold',
      appearance: 'primary',
      onClick: () => {
        this.actions.useStatistics(path);
        this.actions.showPlan();
      },
    });
    const made = banner('info', [saved, ...notes].join(' '), use);
    made.setAttribute('role', 'status');
    this.result.hidden = false;
    this.result.setAttribute('aria-label', l10n.t('Calibration'));
    this.result.replaceChildren(made);
  }

  private async fetch(): Promise<void> {
    this.asking = true;
    this.wait('loading', l10n.t('Reading what kind of model it is…'));
    try {
      const { facts, choices } = await this.host.request('decoderFacts', null);
      this.form = new TextForm(facts, choices, {
        chooseText: () => void this.chooseText(),
        chooseSaved: () => void this.chooseSaved(),
        changed: () => this.changed(),
      });
      this.content.replaceChildren(
        element('p', { class: 'muted' }, factsText(facts)),
        this.form.element,
        element('div', { class: 'text-actions' }, this.start, this.calibration, this.estimate),
        element('p', { class: 'muted' }, calibrationNote()),
      );
      this.changed();
    } catch (error) {
      const again = button({ label: l10n.t('Try Again'), icon: 'refresh', onClick: () => void this.fetch() });
      this.wait('error', l10n.known(problemOf(error).message), again);
    } finally {
      this.asking = false;
    }
  }

  private wait(kind: 'loading' | 'error', text: string, action: HTMLElement | null = null): void {
    const role = kind === 'error' ? 'alert' : 'status';
    this.content.replaceChildren(
      element('div', { class: `layer-message ${kind}`, role }, icon(kind), element('p', {}, text), action),
    );
  }

  private async chooseText(): Promise<void> {
    const chosen = await this.ask(this.host.request('chooseText', null));
    if (chosen) this.form?.useText(chosen.path);
  }

  private async chooseSaved(): Promise<void> {
    const chosen = await this.ask(this.host.request('chooseSaved', null));
    if (chosen) this.form?.compareWith(chosen.paths);
  }

  private changed(): void {
    this.enable();
    void this.measure();
  }

  private enable(): void {
    this.start.disabled = this.busy || this.form?.request == null;
    this.calibration.disabled = this.start.disabled;
  }

  /** Says how long it would take, from a piece that is run now. */
  private async measure(): Promise<void> {
    this.estimating?.cancel();
    this.estimating = null;
    this.estimate.textContent = '';
    this.estimate.classList.remove('problem');
    const request = this.form?.request;
    if (!request || this.busy) return;
    const source = new CancellationTokenSource();
    this.estimating = source;
    this.estimate.textContent = l10n.t('Measuring a piece, to tell how long it takes…');
    try {
      const estimate = await this.host.request('estimateOnText', { request }, source.token);
      if (this.estimating === source) this.estimate.textContent = estimateText(estimate, request.others.length + 1);
    } catch (error) {
      if (this.estimating !== source) return;
      this.estimate.classList.add('problem');
      this.estimate.textContent = l10n.known(problemOf(error).message);
    }
  }

  private async evaluate(): Promise<void> {
    const request = this.form?.request;
    if (!request) return;
    this.forgetEstimate();
    await this.ask(this.host.request('evaluateOnText', { request }));
  }

  private async calibrate(): Promise<void> {
    const tokens = this.form?.request?.tokens;
    if (!tokens) return;
    this.forgetEstimate();
    // Before it begins: a short one has ended by the time of the answer.
    this.memory.remember({ calibrating: true });
    const begun = await this.ask(this.host.request('calibrateOnText', { tokens }));
    if (begun === true) return;
    this.memory.remember({ calibrating: false });
    void this.measure();
  }

  private forgetEstimate(): void {
    this.estimating?.cancel();
    this.estimating = null;
    this.estimate.textContent = '';
    this.messages.replaceChildren();
  }

  /** @returns undefined where it failed: the message says so */
  private async ask<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (error) {
      const clear = (): void => this.messages.replaceChildren();
      const dismiss = button({ label: l10n.t('Dismiss'), icon: 'close', appearance: 'icon', onClick: clear });
      this.messages.replaceChildren(banner('error', l10n.known(problemOf(error).message), dismiss));
      return undefined;
    }
  }
}

function factsText({ modelType, blocks, vocabulary }: DecoderFacts): string {
  return l10n.t(
    'A language model ({0}): {1}, a vocabulary of {2}. It runs on windows of the text, with one block in memory at a time.',
    modelType,
    counted('blocks', blocks),
    counted('tokens', vocabulary),
  );
}

function estimateText({ seconds, windows, length, measuredWindows }: TextEstimate, models: number): string {
  const piece = counted('windows', measuredWindows);
  const all = counted('windows', windows);
  const time = durationText(seconds);
  if (models === 1) {
    return l10n.t(
      'About {0} for {1} of {2}: an estimate from {3} through the first block.',
      time,
      all,
      counted('tokens', length),
      piece,
    );
  }
  return l10n.t(
    'About {0} for {1} of {2} and {3} models: an estimate from {4} through the first block of this one.',
    time,
    all,
    counted('tokens', length),
    formatCount(models),
    piece,
  );
}

function calibrationNote(): string {
  return l10n.t(
    'The estimate is of an evaluation. A calibration takes longer, by products of the inputs of each layer; it tells the time left once it runs.',
  );
}

function intervalNote(known: boolean): string {
  return known
    ? l10n.t('Ranges are 95% intervals by a bootstrap over windows: what other windows of the text would give.')
    : l10n.t('A single window has no interval.');
}

const MOST_NAMED = 3;

function few(layers: readonly string[]): string {
  const names = layers.slice(0, MOST_NAMED).join(', ');
  const more = layers.length - MOST_NAMED;
  return more > 0 ? l10n.t('{0} and {1} more', names, formatCount(more)) : names;
}
