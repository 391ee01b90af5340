/**
 * A language model that runs on a text, as the host keeps it: it goes on while the tab that began it is hidden. Knows
 * nothing of VS Code.
 */
import { CancellationTokenSource, type CancellationToken } from 'vscode-jsonrpc';
import type { CheckpointInEngine } from './checkpointInEngine';
import type { EngineNotifications } from '../../protocol';
import { l10n } from '../../shared/language/l10n';
import { problemOf } from '../../shared/rpc';
import type { CalibrationOnText, EvaluationOnText, TextRun } from '../../shared/textRuns';

type RunningProgress = Pick<EngineNotifications['running'], 'fraction' | 'message' | 'secondsLeft'>;

/** The session whose model runs. */
interface RunningSession {
  readonly inEngine: Pick<CheckpointInEngine, 'ask'>;
  on(name: 'running', listener: (progress: RunningProgress) => void): () => void;
}

export class TextRunning {
  private cancelling: CancellationTokenSource | undefined;
  private current: TextRun | undefined;

  constructor(
    private readonly session: RunningSession,
    private readonly tell: (state: TextRun) => void,
  ) {}

  get state(): TextRun | undefined {
    return this.current;
  }

  /** @throws Error while one is running */
  assertIdle(): void {
    if (this.current?.state === 'running')
      throw new Error(l10n.t('The model is running on a text; wait for its end, or cancel it.'));
  }

  /** @throws Error while one is running. Otherwise resolves when it has ended: the state says how */
  evaluate(request: EvaluationOnText): Promise<void> {
    return this.run(async (token) => {
      const { answer } = await this.session.inEngine.ask('evaluateOnText', { request }, token);
      return { state: 'done', text: request.tokens.path, result: answer };
    });
  }

  /** Likewise. */
  calibrate(request: CalibrationOnText): Promise<void> {
    return this.run(async (token) => {
      const { answer } = await this.session.inEngine.ask('calibrateOnText', { request }, token);
      return { state: 'calibrated', result: answer };
    });
  }

  private async run(work: (token: CancellationToken) => Promise<TextRun>): Promise<void> {
    this.assertIdle();
    const source = new CancellationTokenSource();
    this.cancelling = source;
    this.set({ state: 'running', fraction: 0, message: l10n.t('Reading the text'), secondsLeft: null });
    const stop = this.session.on('running', ({ fraction, message, secondsLeft = null }) => {
      this.set({ state: 'running', fraction, message, secondsLeft });
    });
    try {
      this.set(await work(source.token));
    } catch (error) {
      const cancelled = source.token.isCancellationRequested;
      this.set({ state: 'stopped', problem: cancelled ? null : problemOf(error) });
    } finally {
      stop();
      this.cancelling = undefined;
    }
  }

  cancel(): void {
    this.cancelling?.cancel();
  }

  private set(state: TextRun): void {
    this.current = state;
    this.tell(state);
  }
}
