/**
 * The saving of a compressed model, as the host keeps it: it goes on while the tab that began it is hidden, and what was
 * stopped can be taken up again. Knows nothing of VS Code.
 */
import { CancellationTokenSource } from 'vscode-jsonrpc';
import type { ViewNotifications } from '../../protocol';
import type { ModelSaving } from '../../shared/compression/modelSaving';
import type { RunRequest } from '../../shared/compression/runs';
import { l10n } from '../../shared/language/l10n';
import { problemOf } from '../../shared/rpc';
import type { CheckpointInEngine } from './checkpointInEngine';

/** The session whose model is saved. */
interface SavingSession {
  readonly inEngine: Pick<CheckpointInEngine, 'ask'>;
  on(name: 'saving', listener: (progress: ViewNotifications['saving']) => void): () => void;
}

export class ModelSavingRun {
  private request: RunRequest | undefined;
  private cancelling: CancellationTokenSource | undefined;
  private current: ModelSaving | undefined;

  constructor(
    private readonly session: SavingSession,
    private readonly tell: (state: ModelSaving) => void,
  ) {}

  get state(): ModelSaving | undefined {
    return this.current;
  }

  /** @throws Error while one is running */
  assertIdle(): void {
    if (this.current?.state !== 'running') return;
    throw new Error(l10n.t('{0} is being saved; wait for its end, or cancel it.', this.current.target));
  }

  /** @throws Error while one is running. Otherwise resolves when it has ended: the state says how */
  async start(request: RunRequest): Promise<void> {
    this.assertIdle();
    this.request = request;
    const { target, layout } = request;
    const source = new CancellationTokenSource();
    this.cancelling = source;
    this.set({ state: 'running', target, fraction: 0, message: l10n.t('Reading headers'), secondsLeft: null });
    const stop = this.session.on('saving', ({ fraction, message, secondsLeft = null }) => {
      this.set({ state: 'running', target, fraction, message, secondsLeft });
    });
    try {
      const { answer } = await this.session.inEngine.ask('runPlan', { request }, source.token);
      this.set({ state: 'done', target, layout, result: answer });
    } catch (error) {
      const problem = problemOf(error);
      const cancelled = source.token.isCancellationRequested;
      this.set({ state: 'stopped', target, problem: cancelled ? null : problem });
    } finally {
      stop();
      this.cancelling = undefined;
    }
  }

  cancel(): void {
    this.cancelling?.cancel();
  }

  /** Goes on from what a stopped save has done. @throws Error if none was stopped */
  async resume(): Promise<void> {
    if (this.current?.state !== 'stopped' || !this.request)
      throw new Error(l10n.t('There is no save to take up again.'));
    await this.start({ ...this.request, existing: 'resume' });
  }

  private set(state: ModelSaving): void {
    this.current = state;
    this.tell(state);
  }
}
