/** How far the two passes are: quick looks, then spectra. A line each, with the time left. */
import { element } from '../controls/elements';
import type { Inspection, Progress } from '../model/inspection';
import { formatCount, plural } from '../numbers/format';
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
    show(this.quick, looking ? `Quick look: ${counted(quickQueue)}${left(secondsLeft.quick)}` : '');
    if (busy && queue.done < queue.total) show(this.exact, `${counted(queue)} layers${left(secondsLeft.exact)}`);
    else if (looks.size > 0 && changed === null) show(this.exact, waiting(looks.size, secondsLeft.exact));
    else show(this.exact, done >= this.total ? '' : `${counted({ done, total: this.total })} inspected`);
  }
}

function show(line: HTMLElement, text: string): void {
  if (line.textContent !== text) line.textContent = text;
  line.hidden = text === '';
}

function counted({ done, total }: Progress): string {
  return `${formatCount(done)} of ${formatCount(total)}`;
}

function left(seconds: number | undefined): string {
  return seconds === undefined ? '' : `, about ${formatDuration(seconds)} left`;
}

/** Why numbers are estimates, and what it takes to have exact ones. */
function waiting(layers: number, seconds: number | undefined): string {
  const estimated = `Estimates for ${plural(layers, 'layer')}`;
  return seconds === undefined ? estimated : `${estimated}; exact spectra would take about ${formatDuration(seconds)}`;
}
