/** Plans by integer programming, from the engine: one at a time, the last one that was asked for, and how it stands. */
import { CancellationTokenSource } from 'vscode-jsonrpc/browser';
import type { Assignment, AssignmentRequest } from '../../extension/shared/compression/assignments';
import { l10n } from '../../extension/shared/language/l10n';
import { problemOf } from '../../extension/shared/rpc';
import type { Host } from '../connection';
import { button } from '../controls/controls';
import { element } from '../controls/elements';
import { formatNumber, formatPercent } from '../numbers/format';

/** A slider that moves asks for nothing before it rests. */
const REST_MS = 350;

const TICK_MS = 200;

type State =
  | { readonly kind: 'none' | 'cancelled' }
  | { readonly kind: 'running'; readonly began: number | null }
  | { readonly kind: 'solved'; readonly assignment: Assignment }
  | { readonly kind: 'failed'; readonly message: string };

export class AssignmentWork {
  readonly element = element('div', { class: 'assignment', hidden: true });
  private readonly progress = element('progress', { max: 1, 'aria-label': l10n.t('Solving the integer programme') });
  private readonly text = element('span');
  private readonly said = element('span', { role: 'status' });
  private readonly cancel = button({
    label: l10n.t('Cancel'),
    icon: 'debug-stop',
    onClick: () => this.stop('cancelled'),
  });
  private readonly again = button({ label: l10n.t('Solve'), icon: 'play', onClick: () => this.begin() });
  private state: State = { kind: 'none' };
  private asked: { readonly key: string; readonly request: AssignmentRequest } | null = null;
  private source: CancellationTokenSource | null = null;
  private rest = 0;
  private tick = 0;

  /** @param onSolved there is a solution of what was asked last, or there will be none */
  constructor(
    private readonly host: Host,
    private readonly onSolved: () => void,
  ) {
    this.element.append(this.progress, this.text, this.cancel, this.again, this.said);
  }

  /**
   * Asks for a plan, unless it is the one that was asked for last.
   *
   * @param version of the layers: others have another plan
   * @returns the solution, if there is one by now
   */
  ask(request: AssignmentRequest, version: number): Assignment | undefined {
    const key = JSON.stringify([version, request]);
    if (key !== this.asked?.key) {
      this.stop('none');
      this.asked = { key, request };
      this.set({ kind: 'running', began: null });
      this.rest = window.setTimeout(() => this.begin(), REST_MS);
    }
    return this.state.kind === 'solved' ? this.state.assignment : undefined;
  }

  /** Another allocation is shown. */
  hide(): void {
    this.stop('none');
    this.asked = null;
    this.element.hidden = true;
  }

  private begin(): void {
    const { asked } = this;
    if (!asked) return;
    this.stop('none');
    const source = new CancellationTokenSource();
    this.source = source;
    this.set({ kind: 'running', began: performance.now() });
    this.tick = window.setInterval(() => this.draw(), TICK_MS);
    this.host.request('assignPlan', { request: asked.request }, source.token).then(
      (assignment) => this.end(source, { kind: 'solved', assignment }),
      (error: unknown) => this.end(source, { kind: 'failed', message: problemOf(error).message }),
    );
  }

  private end(source: CancellationTokenSource, state: State): void {
    if (this.source !== source) return;
    this.source = null;
    clearInterval(this.tick);
    this.set(state);
    this.onSolved();
  }

  private stop(kind: 'none' | 'cancelled'): void {
    clearTimeout(this.rest);
    clearInterval(this.tick);
    const { source } = this;
    this.source = null;
    source?.cancel();
    this.set({ kind });
  }

  private set(state: State): void {
    this.state = state;
    this.element.hidden = false;
    this.draw();
  }

  private draw(): void {
    const { state } = this;
    const limit = this.asked?.request.timeLimit ?? 1;
    const running = state.kind === 'running';
    this.progress.hidden = !running;
    this.cancel.hidden = !running;
    this.text.hidden = !running;
    this.again.hidden = state.kind !== 'cancelled' && state.kind !== 'failed';
    if (running) {
      const seconds = state.began === null ? 0 : (performance.now() - state.began) / 1000;
      this.progress.value = Math.min(1, seconds / limit);
      this.text.textContent = l10n.t(
        'Solving the integer programme: {0} of at most {1} seconds',
        formatNumber(seconds, 2),
        formatNumber(limit, 3),
      );
    }
    this.said.textContent = saidOf(state);
    this.said.className = state.kind === 'failed' ? 'problem' : 'muted';
  }
}

function saidOf(state: State): string {
  switch (state.kind) {
    case 'cancelled':
      return l10n.t('The integer programme was cancelled: there is no plan of what is asked now.');
    case 'failed':
      return state.message;
    case 'solved': {
      const { gap, seconds } = state.assignment;
      const time = l10n.t('solved in {0} s', formatNumber(seconds, 2));
      if (gap === null) return l10n.t('Nothing meets the target; this comes nearest ({0}).', time);
      return gap === 0
        ? l10n.t('No plan of these choices is better: proved ({0}).', time)
        : l10n.t(
            'No plan of these choices is better by more than {0}, the gap that is left ({1}).',
            formatPercent(gap),
            time,
          );
    }
    default:
      return '';
  }
}
