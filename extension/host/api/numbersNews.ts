/** Tells who listens that numbers are new, or hold no more: gathered, because small layers come by the hundred a second. */
import * as vscode from 'vscode';
import type { CheckpointSession } from '../editor/checkpointSession';
import type { NumbersChange } from './eigenscope';

/** As often as people read numbers. */
const MOMENT_MS = 200;

export class NumbersNews {
  private readonly emitter = new vscode.EventEmitter<NumbersChange>();
  private readonly gathered = new Map<string, Set<string>>();
  private timer: NodeJS.Timeout | undefined;

  readonly event = this.emitter.event;

  watch(session: CheckpointSession): void {
    session.on('result', ({ name }) => {
      const names = this.gathered.get(session.path) ?? new Set();
      this.gathered.set(session.path, names.add(name));
      this.timer ??= setTimeout(() => this.flush(), MOMENT_MS);
    });
    session.on('changed', ({ message }) => this.gone(session, message));
    session.on('reloaded', () => this.gone(session, `${session.path} was opened anew.`));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.emitter.dispose();
  }

  /** All numbers of the session hold no more. */
  private gone(session: CheckpointSession, reason: string): void {
    this.flush();
    this.emitter.fire({ uri: vscode.Uri.file(session.path), layers: [], reason });
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const [path, names] of this.gathered) {
      this.emitter.fire({ uri: vscode.Uri.file(path), layers: [...names] });
    }
    this.gathered.clear();
  }
}
