/**
 * Exports of a session: the engine writes them, from the numbers as the person sees them. They are told to it a slice at a
 * time, and one export after the other. Knows nothing of VS Code.
 */
import type { CancellationToken } from 'vscode-jsonrpc';
import type { QuickLook } from '../../shared/estimates';
import type { ExportFormat, ExportResult } from '../../shared/exports';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { CheckpointInEngine } from './checkpointInEngine';

/** Results in a message: some 500 kB, a few milliseconds of either process. */
const SLICE = 200;

/** The session whose numbers are written. */
interface ExportedSession {
  readonly inEngine: Pick<CheckpointInEngine, 'ask'>;
  /** Layers that a person looked at, the last one first. */
  readonly shownLayers: readonly string[];
  contentsNow(): Promise<{ results: LayerResult[]; quick: QuickLook[] }>;
}

export class SessionExports {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly session: ExportedSession) {}

  /**
   * Writes the numbers that are known now to `target`, over what is there: the person was asked.
   *
   * @throws what the engine throws; an AbortError if `token` fires. The target is then as it was
   */
  write(
    format: ExportFormat,
    target: string,
    settings: InspectSettings,
    token: CancellationToken,
  ): Promise<ExportResult> {
    const turn = this.last.then(() => this.writeNow(format, target, settings, token));
    this.last = turn.catch(() => undefined); // its caller hears it
    return turn;
  }

  private async writeNow(
    format: ExportFormat,
    target: string,
    settings: InspectSettings,
    token: CancellationToken,
  ): Promise<ExportResult> {
    const { inEngine, shownLayers: layers } = this.session;
    const { results, quick: looks } = await this.session.contentsNow();
    for (let at = 0; at === 0 || at < results.length; at += SLICE) {
      if (token.isCancellationRequested) throw new DOMException('The export was cancelled.', 'AbortError');
      const slice: LayerResult[] = results.slice(at, at + SLICE);
      await inEngine.ask('tellResults', { results: slice, first: at === 0 }, token);
    }
    const request = { format, target, results: results.length, looks, layers };
    const { answer } = await inEngine.ask('exportNumbers', { request, settings }, token);
    return answer;
  }
}
