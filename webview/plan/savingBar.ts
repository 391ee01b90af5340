/** How the saving of the compressed model stands: progress with the time left, what was saved, or why it stopped. */
import type { ModelSaving } from '../../extension/shared/compression/modelSaving';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatBytes, formatPercent, plural } from '../numbers/format';
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
  private readonly progress = element('progress', { max: 1, 'aria-label': 'Saving the compressed model' });
  private readonly text = element('span');
  /** Said now and then only: a reader of the screen is not to hear every layer. */
  private readonly said = element('span', { class: 'hidden', role: 'status' });
  private shown: ModelSaving['state'] | 'none' = 'none';

  constructor(private readonly actions: SavingActions) {}

  show(saving: ModelSaving | undefined): void {
    if (!saving) return;
    if (saving.state === 'running') this.showRunning(saving);
    else this.element.replaceChildren(saving.state === 'done' ? this.done(saving) : this.stopped(saving));
    this.shown = saving.state;
  }

  private showRunning({ fraction, message, secondsLeft }: Extract<ModelSaving, { state: 'running' }>): void {
    if (this.shown !== 'running') {
      const cancel = button({ label: 'Cancel', icon: 'debug-stop', onClick: () => this.actions.cancel() });
      this.element.replaceChildren(
        element('div', { class: 'plan-saving' }, this.progress, this.text, cancel, this.said),
      );
    }
    this.progress.value = fraction;
    const left = secondsLeft === null ? '' : `, about ${timeText(secondsLeft)} left`;
    this.text.textContent = `${message}: ${formatPercent(fraction, 2)}${left}`;
    const tenth = `Saving, ${formatPercent(Math.floor(fraction * 10) / 10, 2)} done`;
    if (this.said.textContent !== tenth) this.said.textContent = tenth;
  }

  private done({ target, layout, result }: Extract<ModelSaving, { state: 'done' }>): HTMLElement {
    const { bytes, layers, notes } = result;
    const share = formatPercent(bytes.before === 0 ? 1 : bytes.tensors / bytes.before, 3);
    const tensors = `tensors of ${formatBytes(bytes.tensors)} in place of ${formatBytes(bytes.before)} (${share})`;
    const size = `${tensors}, ${formatBytes(bytes.after)} with all files`;
    const text = `Saved ${target}: ${plural(layers.length, 'layer')} compressed, ${size}. ${notes.join(' ')}`.trim();
    const inspect = button({
      label: 'Inspect the Result',
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
      label: 'Evaluate…',
      icon: 'play',
      title: 'Runs the original and the compressed model on inputs of yours, and compares them',
      onClick: () => {
        evaluate.disabled = true;
        void this.actions.evaluate().finally(() => (evaluate.disabled = false));
      },
    });
    return evaluate;
  }

  private stopped({ target, problem }: Extract<ModelSaving, { state: 'stopped' }>): HTMLElement {
    const goOn = button({ label: 'Go On', icon: 'play', onClick: () => this.actions.resume() });
    goOn.title = 'Takes up the same save; what was done is not done again';
    const text = problem ? problem.message : `Saving ${target} was cancelled; nothing stands at its place.`;
    const made = banner(problem ? 'error' : 'warning', text, goOn);
    made.setAttribute('role', problem ? 'alert' : 'status');
    return made;
  }
}

function timeText(seconds: number): string {
  if (seconds < 60) return plural(seconds, 'second');
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? plural(minutes, 'minute') : plural(Math.round(minutes / 60), 'hour');
}
