/** Checkpoints that are open without a tab: each once, from the first who asks for it to the last who is done. */
import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { SessionError } from '../editor/checkpointInEngine';
import type { CheckpointSession } from '../editor/checkpointSession';
import { checkpointsIn } from '../workspace/clickedCheckpoint';
import { notOnDisk } from '../workspace/onDisk';
import { SharedCheckpoint } from './sharedCheckpoint';

interface Entry {
  checkpoint: SharedCheckpoint;
  users: number;
}

/** A checkpoint for as long as `release` was not called. */
export interface Lease {
  checkpoint: SharedCheckpoint;
  release: () => void;
}

export class SharedCheckpoints {
  private readonly entries = new Map<string, Entry>();

  /**
   * @param open makes a session
   * @param ofTab the session of a file's tab, if it has one
   */
  constructor(
    private readonly open: (path: string) => CheckpointSession,
    private readonly ofTab: (uri: vscode.Uri) => CheckpointSession | undefined,
    private readonly log: Pick<vscode.LogOutputChannel, 'warn'>,
  ) {}

  /**
   * Opens a checkpoint, anew if its files changed since.
   *
   * @param uri a file, or a folder that holds one model
   * @throws SessionError with a sentence
   */
  async lease(uri: vscode.Uri): Promise<Lease> {
    const path = await checkpointPath(uri);
    let entry = this.entries.get(path);
    if (!entry) {
      const session = this.open(path);
      entry = { checkpoint: new SharedCheckpoint(session, () => this.ofTab(vscode.Uri.file(path))), users: 0 };
      this.entries.set(path, entry);
    }
    const { checkpoint } = entry;
    entry.users += 1;
    const lease = { checkpoint, release: once(() => this.release(path, entry)) };
    try {
      if (checkpoint.session.changed) await checkpoint.reload(`${path} was opened anew, because its files changed.`);
      await checkpoint.summary();
      return lease;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Forgets all numbers, for settings or a cache that are no longer what they were. @param why a sentence */
  async startOver(why: string): Promise<void> {
    for (const { checkpoint } of [...this.entries.values()]) {
      try {
        await checkpoint.reload(why);
      } catch (error) {
        this.log.warn(`${checkpoint.path}: ${String(error)}`); // who asks next hears it, too
      }
    }
  }

  dispose(): void {
    for (const [path, entry] of [...this.entries]) this.close(path, entry);
  }

  private release(path: string, entry: Entry): void {
    entry.users -= 1;
    if (entry.users === 0 && this.entries.get(path) === entry) this.close(path, entry);
  }

  private close(path: string, { checkpoint }: Entry): void {
    this.entries.delete(path);
    checkpoint.dispose().catch((error: unknown) => this.log.warn(`closing ${path}: ${String(error)}`));
  }
}

/** @throws SessionError for what is no one checkpoint on a disk */
async function checkpointPath(uri: vscode.Uri): Promise<string> {
  const problem = notOnDisk(uri);
  if (problem) throw new SessionError(problem);
  const refuse = (code: string, message: string): never => {
    throw new SessionError({ code, message, file: uri.fsPath });
  };
  const found = await stat(uri.fsPath).catch((error: unknown) => error as NodeJS.ErrnoException);
  if (found instanceof Error) {
    const reason = found.code === 'ENOENT' ? 'does not exist' : `cannot be read (${found.code ?? found.message})`;
    return refuse('not-found', `${uri.fsPath} ${reason}.`);
  }
  const [first, ...others] = await checkpointsIn(uri.fsPath);
  if (others.length > 0) {
    refuse('several', `${uri.fsPath} holds ${others.length + 1} checkpoints: name one of its files.`);
  }
  return first ?? refuse('not-found', `${uri.fsPath} holds no checkpoint.`);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
