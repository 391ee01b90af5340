/**
 * A checkpoint as one process of the engine has it open: opened when first asked for, and anew after a process is gone. No
 * answer about another checkpoint, or about another version of the files, gets through.
 */
import type { CancellationToken } from 'vscode-jsonrpc';
import type { DocumentRequests, DocumentStamp, EngineNotifications, EngineRequests, Stamped } from '../../protocol';
import { l10n } from '../../shared/language/l10n';
import { problemOf } from '../../shared/rpc';
import type { PackedSummary, Problem } from '../../shared/tensors';
import { EngineDiedError, type EngineClient } from '../engineClient';
import { stampOf, type Quarantine } from '../quarantine';

/** Code of the problem of a layer that the engine died on. */
export const DIED = 'engine-died';

/** Codes of problems that are the engine's own, not the checkpoint's. */
export const ENGINE_GONE: ReadonlySet<string> = new Set([DIED, 'engine-stopped']);

/** A process that dies while it opens a file may die of another one: the second time, it has this one alone. */
const OPEN_ATTEMPTS = 2;

/** Code of the problem of a checkpoint that is left alone because processes died of it. */
const QUARANTINED = 'quarantined';

/** An open checkpoint, as one process of the engine has it. */
export type Opened = Stamped<PackedSummary>;

/** What the host, and not the engine, finds wrong with a checkpoint. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  constructor(private readonly problem: Problem) {
    super(problem.message);
  }

  toProblem(): Problem {
    return this.problem;
  }
}

export interface OpeningOptions {
  /** Why the engine could not read it, where that is known. */
  refusal?: Problem | undefined;
  /** Files that processes died of, in this window or a former one. */
  quarantine?: Pick<Quarantine, 'holds' | 'add' | 'remove'> | undefined;
  /** A message was about another checkpoint; nothing of it is taken. */
  onForeign: (problem: Problem) => void;
}

export class CheckpointInEngine {
  /** The opening that counts; a later one takes its place. */
  private opened: Promise<Opened> | undefined;
  /** Whose the engine's messages must be; undefined while it is not open there. */
  private stamp: DocumentStamp | undefined;
  /**
   * Which version of the files the results are of. Set once it was open in some process: a new one opens it again. A file
   * that never opened is left alone.
   */
  private version: string | undefined;
  /** Processes that died while they opened it, since it was open last. */
  private diedOpening = 0;
  /** A process is opening it. */
  private asking = false;
  /** A person wants it opened whatever died of it. */
  private insisted = false;
  private ended = false;

  constructor(
    private readonly engine: EngineClient,
    private readonly path: string,
    private readonly options: OpeningOptions,
  ) {}

  /** The opening that still counts once it is there. @throws what the engine's `open` throws; SessionError */
  async current(): Promise<Opened> {
    for (;;) {
      const opening = this.opening();
      const opened = await opening;
      if (this.opened === opening) return opened;
    }
  }

  /** Whether somebody wants it open, so that a new process is to open it, too. */
  get isWanted(): boolean {
    return this.version !== undefined || this.opened !== undefined;
  }

  /**
   * Asks about this checkpoint as it is open now.
   *
   * @throws what the engine throws; SessionError where the answer is about another checkpoint
   */
  async ask<K extends keyof DocumentRequests>(
    method: K,
    params: Omit<DocumentRequests[K]['params'], 'document'>,
    token?: CancellationToken,
  ): Promise<Stamped<DocumentRequests[K]['result']>> {
    const { about } = await this.current();
    const all = { ...params, document: about.document } as unknown as EngineRequests[K]['params'];
    const reply = (await this.engine.request(method, all, token)) as Stamped<DocumentRequests[K]['result']>;
    if (!sameStamp(reply.about, about)) throw this.refused(reply.about);
    return reply;
  }

  /** The same for numbers that are shown: those of a former version must not stand under this one. */
  async askNumbers<K extends keyof DocumentRequests>(
    method: K,
    params: Omit<DocumentRequests[K]['params'], 'document'>,
    token?: CancellationToken,
  ): Promise<DocumentRequests[K]['result']> {
    const { about, answer } = await this.ask(method, params, token);
    if (this.stamp && sameStamp(this.stamp, about)) return answer;
    const message = l10n.t('{0}: was opened anew meanwhile; this answer was about what it was before', this.path);
    throw new SessionError({ code: 'reloaded', message, file: this.path });
  }

  /** Whether a message is about what is open now. One about another checkpoint of the same handle is told of. */
  isAbout(message: DocumentStamp): boolean {
    if (message.document !== this.stamp?.document) return false;
    if (sameStamp(message, this.stamp)) return true;
    this.refused(message);
    return false;
  }

  /** A process of the engine is gone, and with it what it had open. */
  lost(died: boolean): void {
    if (died && this.asking) this.diedOpening += 1;
    this.stamp = undefined;
    this.opened = undefined;
  }

  /** From now on it is opened even if processes died of it: a person wants it. */
  insist(): void {
    this.insisted = true;
    this.diedOpening = 0;
  }

  /** Forgets the opening and the version of the files. @returns what closes the former document in the engine */
  async forget(): Promise<() => Promise<void>> {
    // What is being opened just now would come after what is opened next.
    await this.opened?.catch(() => undefined);
    const former = this.stamp;
    this.stamp = undefined;
    this.opened = undefined;
    this.version = undefined;
    return async () => {
      if (former) await this.close(former);
    };
  }

  /** Closes it for good. */
  async end(): Promise<void> {
    this.ended = true;
    await this.opened?.catch(() => undefined); // it could not be opened: nothing to close
    if (this.stamp) await this.close(this.stamp);
  }

  private opening(): Promise<Opened> {
    if (this.opened) return this.opened;
    const opening: Promise<Opened> = this.open().then(
      (opened) => {
        if (this.opened === opening) this.accept(opened);
        else void this.close(opened.about);
        return opened;
      },
      (error: unknown) => {
        if (this.opened === opening) this.opened = undefined;
        // Whoever waits is answered by the next process, unless this file is what the former ones died of.
        if (!(error instanceof EngineDiedError) || this.ended) throw error;
        return this.opening();
      },
    );
    this.opened = opening;
    return opening;
  }

  private async open(): Promise<Opened> {
    const { refusal, quarantine } = this.options;
    if (refusal) throw new SessionError(refusal);
    const file = await stampOf(this.path);
    if (this.diedOpening >= OPEN_ATTEMPTS) await quarantine?.add(this.path, file);
    if (this.diedOpening >= OPEN_ATTEMPTS || (!this.insisted && (await quarantine?.holds(this.path)))) {
      const message = l10n.t(
        '{0}: the engine died {1} times while it opened this; it is left alone until it changes, or until you try again',
        this.path,
        OPEN_ATTEMPTS,
      );
      throw new SessionError({ code: QUARANTINED, message, file: this.path });
    }
    const ask = async (): Promise<Opened> => {
      this.asking = true;
      try {
        return await this.engine.request('open', { path: this.path });
      } finally {
        this.asking = false;
      }
    };
    const opened = await (this.diedOpening === 0 ? ask() : this.engine.oneByOne(ask));
    const { about } = opened;
    if (about.path !== this.path) {
      void this.close(about);
      throw this.refused(about);
    }
    if (this.version !== undefined && about.version !== this.version) {
      // The engine was away and found other files: the results are not theirs.
      void this.close(about);
      const message = l10n.t('{0}: changed on disk while it was open; reload it', this.path);
      throw new SessionError({ code: 'changed', message, file: this.path });
    }
    return opened;
  }

  private accept({ about }: Opened): void {
    this.stamp = about;
    this.version = about.version;
    this.diedOpening = 0;
    if (this.insisted) void this.options.quarantine?.remove(this.path);
    this.insisted = false;
  }

  /** Gives up a document that nobody here uses any more. */
  private async close({ document }: DocumentStamp): Promise<void> {
    // A process that is gone has nothing open, and one that stays off is not to be started for it.
    if (this.engine.pid === undefined) return;
    try {
      await this.engine.request('close', { document });
    } catch (error) {
      if (!ENGINE_GONE.has(problemOf(error).code)) this.engine.events.emit('log', closingFailed(this.path, error));
    }
  }

  /** Nothing of a message about another checkpoint is taken: every view says so. */
  private refused({ path }: DocumentStamp): SessionError {
    const message = l10n.t(
      '{0}: the engine answered about {1}; nothing of it is shown. Reload this checkpoint.',
      this.path,
      path,
    );
    const error = new SessionError({ code: 'wrong-checkpoint', message, file: this.path });
    this.options.onForeign(error.toProblem());
    return error;
  }
}

function sameStamp(a: DocumentStamp, b: DocumentStamp): boolean {
  return a.document === b.document && a.path === b.path && a.version === b.version;
}

function closingFailed(path: string, error: unknown): EngineNotifications['log'] {
  return { level: 'warn', message: `closing ${path}: ${problemOf(error).message}` };
}
