/** How the saving of the compressed model stands: progress with the time left, what was saved, or why it stopped. */
import type { ModelSaving } from '../../extension/shared/compression/modelSaving';
import { l10n } from '../../extension/shared/language/l10n';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { durationText } from '../numbers/duration';
import { formatBytes, formatPercent, counted } from '../numbers/format';
import { banner } from '../overview/banners';

export interface SavingActions {
  cancel(): void;
  /** Goes on with a save that stopped. */
  resume(): void;
  /** Opens what was saved. */
  inspect(): void;
  /** Runs what was saved beside the original; resolves when the person has seen the end of it. */
  evaluate(): Promise<void>;
}

export class SavingBar {
  readonly element = element('div', { class: 'saving-bar' });
  private readonly progress = element('progress', { max: 1, 'aria-label': l10n.t('Saving the compressed model') });
  private readonly text = element('span');
  /** Said now and then only: a reader of the screen is not to hear every layer. */
  private readonly said = element('span', { class: 'hidden', role: 'status' });
  private shown: ModelSaving['state'] | 'none' = 'none';

  constructor(private readonly actions: SavingActions) {}

  show(saving: ModelSaving | undefined): void {
    if (!saving) return;
    if (saving.state === 'running') this.showRunning(saving);
    else this.showEnd(saving.state === 'done' ? this.done(saving) : this.stopped(saving));
    this.shown = saving.state;
  }

  /** The button that began the save could not keep the focus: what to do next takes it, unless it is in use elsewhere or the page was just opened. */
  private showEnd(end: HTMLElement): void {
    const { activeElement, body } = document;
    const isFree = !activeElement || activeElement === body || this.element.contains(activeElement);
    const takesFocus = this.shown !== 'none' && document.hasFocus() && isFree;
    this.element.replaceChildren(end);
    if (takesFocus) end.querySelector<HTMLElement>('vscode-button')?.focus();
  }

  private showRunning({ fraction, message, secondsLeft }: Extract<ModelSaving, { state: 'running' }>): void {
    if (this.shown !== 'running') {
      const cancel = button({ label: l10n.t('Cancel'), icon: 'debug-stop', onClick: () => this.actions.cancel() });
      this.element.replaceChildren(
        element('div', { class: 'plan-saving' }, this.progress, this.text, cancel, this.said),
      );
    }
    this.progress.value = fraction;
    const [what, share] = [l10n.known(message), formatPercent(fraction, 2)];
    this.text.textContent =
      secondsLeft === null
        ? `${what}: ${share}`
        : l10n.t('{0}: {1}, about {2} left', what, share, durationText(secondsLeft));
    const tenth = l10n.t('Saving, {0} done', formatPercent(Math.floor(fraction * 10) / 10, 2));
    if (this.said.textContent !== tenth) this.said.textContent = tenth;
  }

  private done({ target, layout, result }: Extract<ModelSaving, { state: 'done' }>): HTMLElement {
    const { bytes, layers, notes } = result;
    const share = formatPercent(bytes.before === 0 ? 1 : bytes.tensors / bytes.before, 3);
    const tensors = l10n.t(
      'tensors of {0} in place of {1} ({2})',
      formatBytes(bytes.tensors),
      formatBytes(bytes.before),
      share,
    );
    const size = l10n.t('{0}, {1} with all files', tensors, formatBytes(bytes.after));
    const saved = l10n.t('Saved {0}: {1} compressed, {2}.', target, counted('layers', layers.length), size);
    const text = [saved, ...notes.map((note) => l10n.known(note))].join(' ');
    const inspect = button({
      label: l10n.t('Inspect the Result'),
      icon: 'graph',
      appearance: 'primary',
      onClick: () => this.actions.inspect(),
    });
    const made = banner('info', text, inspect, layout === 'onnx' && this.evaluation());
    made.setAttribute('role', 'status');
    return made;
  }

  /** One evaluation at a time: two at once would measure each other's latency. */
  private evaluation(): HTMLElement {
    const evaluate = button({
      label: l10n.t('Evaluate…'),
      icon: 'play',
      title: l10n.t('Runs the original and the compressed model on inputs of yours, and compares them'),
      onClick: () => {
        evaluate.disabled = true;
        void this.actions.evaluate().finally(() => (evaluate.disabled = false));
      },
    });
    return evaluate;
  }

  private stopped({ target, problem }: Extract<ModelSaving, { state: 'stopped' }>): HTMLElement {
    const goOn = button({ label: l10n.t('Go On'), icon: 'play', onClick: () => this.actions.resume() });
    goOn.title = l10n.t('Takes up the same save; what was done is not done again');
    const text = problem
      ? l10n.known(problem.message)
      : l10n.t('Saving {0} was cancelled; nothing stands at its place.', target);
    const made = banner(problem ? 'error' : 'warning', text, goOn);
    made.setAttribute('role', problem ? 'alert' : 'status');
    return made;
  }
}
