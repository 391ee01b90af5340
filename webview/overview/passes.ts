/** How far the two passes are: quick looks, then spectra. A line each, with the time left. */
import { l10n } from '../../extension/shared/language/l10n';
import { element } from '../controls/elements';
import type { Inspection, Progress } from '../model/inspection';
import { counted, formatCount } from '../numbers/format';
import { formatDuration } from '../numbers/timeLeft';

export class Passes {
  readonly element = element('div', { class: 'progress-text' });
  private readonly quick = element('div');
  private readonly exact = element('div');

  constructor(
    private readonly inspection: Inspection,
    /** Layers, and tensors without one. */
    private readonly total: number,
  ) {
    this.element.append(this.quick, this.exact);
  }

  refresh(): void {
    const { busy, queue, quickQueue, looks, inspected, secondsLeft, changed } = this.inspection;
    const done = Math.min(this.total, inspected);
    const looking = quickQueue.done < quickQueue.total;
    show(this.quick, looking ? quickText(quickQueue, secondsLeft.quick) : '');
    if (busy && queue.done < queue.total) show(this.exact, exactText(queue, secondsLeft.exact));
    else if (looks.size > 0 && changed === null) show(this.exact, waiting(looks.size, secondsLeft.exact));
    else show(this.exact, done >= this.total ? '' : inspectedText(done, this.total));
  }
}

function show(line: HTMLElement, text: string): void {
  if (line.textContent !== text) line.textContent = text;
  line.hidden = text === '';
}

function quickText({ done, total }: Progress, seconds: number | undefined): string {
  const numbers = [formatCount(done), formatCount(total)] as const;
  return seconds === undefined
    ? l10n.t('Quick look: {0} of {1}', ...numbers)
    : l10n.t('Quick look: {0} of {1}, about {2} left', ...numbers, formatDuration(seconds));
}

function exactText({ done, total }: Progress, seconds: number | undefined): string {
  const numbers = [formatCount(done), formatCount(total)] as const;
  return seconds === undefined
    ? l10n.t('{0} of {1} layers', ...numbers)
    : l10n.t('{0} of {1} layers, about {2} left', ...numbers, formatDuration(seconds));
}

function inspectedText(done: number, total: number): string {
  return l10n.t('{0} of {1} inspected', formatCount(done), formatCount(total));
}

/** Why numbers are estimates, and what it takes to have exact ones. */
function waiting(layers: number, seconds: number | undefined): string {
  const estimated = counted('layers', layers);
  return seconds === undefined
    ? l10n.t('Estimates for {0}', estimated)
    : l10n.t('Estimates for {0}; exact spectra would take about {1}', estimated, formatDuration(seconds));
}
