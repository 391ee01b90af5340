/**
 * Files of statistics that stay open for a moment: methods side by side, and conditions of Gram matrices, ask for one layer
 * after another of the same file, and opening it reads all of its headers.
 */
import { stat } from 'node:fs/promises';
import type { StatisticsSource } from '../../compression/statistics/statisticsSource';
import { openStatistics } from '../../compression/statistics/statisticsSource';
import type { EngineDocument } from './engineDocument';

/** Whose statistics they are. */
type Owner = Pick<EngineDocument, 'handle'> & { readonly checkpoint: Parameters<typeof openStatistics>[1] };

/** Requests that follow one another find the file open. */
const KEPT_MS = 10_000;

interface Held {
  readonly document: string;
  readonly source: Promise<StatisticsSource>;
  users: number;
  /** Its document is closed, or the file was opened anew. */
  ended: boolean;
  timer?: NodeJS.Timeout;
}

export class HeldStatistics {
  private readonly held = new Map<string, Held>();

  constructor(
    private readonly opener: typeof openStatistics = openStatistics,
    private readonly keptMs = KEPT_MS,
  ) {}

  /**
   * Works with a file of statistics of a document. It stays open until the work is done, and a moment longer.
   *
   * @throws what opening throws, and what the work throws
   */
  async use<T>(
    document: Owner,
    path: string,
    signal: AbortSignal,
    work: (source: StatisticsSource) => Promise<T>,
  ): Promise<T> {
    const key = await keyOf(document.handle, path);
    for (;;) {
      const held = this.held.get(key) ?? this.open(key, document, path, signal);
      held.users += 1;
      clearTimeout(held.timer);
      try {
        let source: StatisticsSource;
        try {
          source = await held.source;
        } catch (error) {
          if (this.held.get(key) === held) this.held.delete(key);
          // Another request opened it, and was cancelled.
          if (error instanceof Error && error.name === 'AbortError' && !signal.aborted) continue;
          throw error;
        }
        return await work(source);
      } finally {
        held.users -= 1;
        this.closeWhenIdle(key, held);
      }
    }
  }

  /** Closes those of a document that nobody works with; the others when that is done. */
  forget(document: string): void {
    for (const [key, held] of this.held) {
      if (held.document !== document) continue;
      this.held.delete(key);
      held.ended = true;
      this.closeWhenIdle(key, held);
    }
  }

  private open(key: string, document: Owner, path: string, signal: AbortSignal): Held {
    const source = this.opener(path, document.checkpoint, signal);
    const held: Held = { document: document.handle, source, users: 0, ended: false };
    this.held.set(key, held);
    return held;
  }

  private closeWhenIdle(key: string, held: Held): void {
    clearTimeout(held.timer);
    if (held.users > 0) return;
    if (held.ended) {
      close(held);
      return;
    }
    held.timer = setTimeout(() => {
      if (this.held.get(key) === held) this.held.delete(key);
      close(held);
    }, this.keptMs);
    held.timer.unref();
  }
}

/** Differs between versions of a file: one that was written anew is opened anew. */
async function keyOf(document: string, path: string): Promise<string> {
  // A file that is not there: opening it says so, in words for people.
  const version = await stat(path, { bigint: true }).catch(() => null);
  return JSON.stringify([document, path, ...(version ? [version.ino, version.size, version.mtimeNs].map(String) : [])]);
}

function close({ source }: Held): void {
  // One that could not be opened has told so; a file that cannot be closed is no longer there.
  source.then((opened) => opened.close()).catch(() => undefined);
}
