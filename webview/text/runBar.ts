/** How a model on a text stands: block and window in work, time left, Cancel; or why it stopped. */
import { l10n } from '../../extension/shared/language/l10n';
import type { TextRun } from '../../extension/shared/textRuns';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { durationText } from '../numbers/duration';
import { formatPercent } from '../numbers/format';
import { banner } from '../overview/banners';

export class RunBar {
  readonly element = element('div', {});
  private readonly progress = element('progress', { max: 1, 'aria-label': l10n.t('The model on the text') });
  private readonly text = element('span');
  /** Said now and then only: a reader of the screen is not to hear every window. */
  private readonly said = element('span', { class: 'hidden', role: 'status' });
  private shown: TextRun['state'] | 'none' = 'none';

  constructor(private readonly cancel: () => void) {}

  show(run: TextRun): void {
    if (run.state === 'running') this.showRunning(run);
    else this.element.replaceChildren(...(run.state === 'stopped' ? [this.stopped(run)] : []));
    this.shown = run.state;
  }

  private showRunning({ fraction, message, secondsLeft }: Extract<TextRun, { state: 'running' }>): void {
    if (this.shown !== 'running') {
      const cancel = button({ label: l10n.t('Cancel'), icon: 'debug-stop', onClick: () => this.cancel() });
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
    const tenth = l10n.t('Running, {0} done', formatPercent(Math.floor(fraction * 10) / 10, 2));
    if (this.said.textContent !== tenth) this.said.textContent = tenth;
  }

  private stopped({ problem }: Extract<TextRun, { state: 'stopped' }>): HTMLElement {
    const text = problem ? l10n.known(problem.message) : l10n.t('The run was cancelled.');
    const made = banner(problem ? 'error' : 'warning', text);
    made.setAttribute('role', problem ? 'alert' : 'status');
    return made;
  }
}
