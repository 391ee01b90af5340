/**
 * Exports of a session: the engine writes them, from the numbers as the person sees them. They are told to it a slice at a
 * time, and one export after the other. Knows nothing of VS Code.
 */
import type { CancellationToken } from 'vscode-jsonrpc';
import type { QuickLook } from '../../shared/estimates';
import type { ExportFormat, ExportResult, ToldNumbers } from '../../shared/exports/exportFormats';
import { l10n } from '../../shared/language/l10n';
import type { InspectSettings, LayerResult } from '../../shared/layers';
import type { OwnNumbersList } from './ownNumbersList';
import type { CheckpointInEngine } from './checkpointInEngine';

/** Results in a message: some 500 kB, a few milliseconds of either process. */
const SLICE = 200;

/** The session whose numbers are written. */
interface ExportedSession {
  readonly inEngine: Pick<CheckpointInEngine, 'ask'>;
  /** Layers that a person looked at, the last one first. */
  readonly shownLayers: readonly string[];
  readonly own: Pick<OwnNumbersList, 'known'>;
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
    only?: readonly string[],
  ): Promise<ExportResult> {
    return this.inTurn(async () => {
      const layers = this.session.shownLayers;
      const request = { format, target, layers, ...(only && { only }), ...(await this.tell(token)) };
      return (await this.session.inEngine.ask('exportNumbers', { request, settings }, token)).answer;
    });
  }

  /** The overview in Markdown. @throws what the engine throws */
  overview(settings: InspectSettings, token: CancellationToken): Promise<string> {
    return this.inTurn(async () => {
      const request = await this.tell(token);
      return (await this.session.inEngine.ask('overviewText', { request, settings }, token)).answer;
    });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work);
    this.last = turn.catch(() => undefined); // its caller hears it
    return turn;
  }

  private async tell(token: CancellationToken): Promise<ToldNumbers> {
    const { results, quick: looks } = await this.session.contentsNow();
    for (let at = 0; at === 0 || at < results.length; at += SLICE) {
      if (token.isCancellationRequested) throw new DOMException(l10n.t('The export was cancelled.'), 'AbortError');
      const slice = results.slice(at, at + SLICE);
      await this.session.inEngine.ask('tellResults', { results: slice, first: at === 0 }, token);
    }
    return { results: results.length, looks, own: this.session.own.known };
  }
}
