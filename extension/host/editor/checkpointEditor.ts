/** The custom editor: one session per document, one view per tab. */
import * as vscode from 'vscode';
import type { ViewSelection } from '../../protocol';
import type { TableMemory } from './tableMemory';
import { CheckpointSession } from './checkpointSession';
import type { CheckpointView } from './checkpointView';
import type { EngineClient } from '../engineClient';
import { notOnDisk } from '../workspace/onDisk';
import type { OwnNumbersMemory } from './ownNumbersMemory';
import type { TextChoicesMemory } from './textChoices';
import type { Quarantine } from '../quarantine';
import { inspectSettings } from '../settings';
import { readViewBundle, type ViewBundle } from './viewHtml';

/** View types of package.json's `customEditors`: ours by default, and offered for suffixes that others use too. */
const VIEW_TYPE = 'eigenscope.checkpoint';
export const VIEW_TYPES = [VIEW_TYPE, 'eigenscope.checkpointOption'];

class CheckpointDocument implements vscode.CustomDocument {
  readonly views = new Set<CheckpointView>();

  constructor(
    readonly uri: vscode.Uri,
    readonly session: CheckpointSession,
    private readonly onDispose: () => void,
  ) {}

  dispose(): void {
    this.onDispose();
  }
}

export class CheckpointEditors implements vscode.CustomReadonlyEditorProvider<CheckpointDocument> {
  /** A file that is open in both kinds of editor has two. */
  private readonly documents = new Set<CheckpointDocument>();
  /** What the next view of a document shows first. */
  private readonly selections = new Map<string, ViewSelection>();

  /** Loaded when a checkpoint is found or opened: most windows have none. */
  private viewParts: Promise<{ bundle: ViewBundle; View: typeof CheckpointView }> | undefined;

  constructor(
    private readonly engine: EngineClient,
    private readonly extension: vscode.Uri,
    private readonly log: vscode.LogOutputChannel,
    /** Called for each session, for instance to show its queue. */
    private readonly onSession: (session: CheckpointSession) => void,
    private readonly quarantine: Quarantine,
    private readonly columns: TableMemory,
    private readonly ownNumbers: OwnNumbersMemory,
    private readonly texts: TextChoicesMemory,
  ) {}

  register(): vscode.Disposable {
    const registrations = VIEW_TYPES.map((type) =>
      vscode.window.registerCustomEditorProvider(type, this, { supportsMultipleEditorsPerDocument: true }),
    );
    return vscode.Disposable.from(...registrations);
  }

  /** Loads what views need ahead of the first one. */
  warmUp(): void {
    this.loadView().catch((error: unknown) => this.log.error(String(error))); // each view says so, too
  }

  private loadView(): Promise<{ bundle: ViewBundle; View: typeof CheckpointView }> {
    this.viewParts ??= Promise.all([readViewBundle(this.extension.fsPath), import('./checkpointView')]).then(
      ([bundle, module]) => ({ bundle, View: module.CheckpointView }),
    );
    return this.viewParts;
  }

  /** Does not wait for the file: its headers are read while the view loads. */
  openCustomDocument(uri: vscode.Uri): CheckpointDocument {
    const session = new CheckpointSession(this.engine, uri.fsPath, inspectSettings, notOnDisk(uri), this.quarantine);
    session.own.rememberIn(this.ownNumbers);
    const document = new CheckpointDocument(uri, session, () => {
      this.documents.delete(document);
      session.dispose().catch((error: unknown) => this.log.warn(`closing ${uri.fsPath}: ${String(error)}`));
    });
    this.documents.add(document);
    this.onSession(session);
    // The view asks again, and shows what is wrong; the log tells it, too.
    session.summary().catch(() => undefined);
    return document;
  }

  async resolveCustomEditor(document: CheckpointDocument, panel: vscode.WebviewPanel): Promise<void> {
    const key = document.uri.toString();
    const { bundle, View } = await this.loadView();
    // The tab may be closed by now.
    if (!this.documents.has(document)) return;
    const view = new View(panel, document, bundle, this.log, this.columns, this.texts);
    const selection = this.selections.get(key);
    this.selections.delete(key);
    if (selection) view.show(selection);
    document.views.add(view);
    panel.onDidDispose(() => {
      document.views.delete(view);
      view.dispose();
    });
  }

  /** Opens a checkpoint in its editor, at a layer or its plan if one is asked for. */
  async open(uri: vscode.Uri, selection?: ViewSelection): Promise<void> {
    const key = uri.toString();
    const known = this.document(uri);
    if (selection && !known) this.selections.set(key, selection);
    try {
      await vscode.commands.executeCommand('vscode.openWith', uri, VIEW_TYPE);
    } catch (error) {
      this.selections.delete(key); // no view took it, and a later one must not begin with it
      throw error;
    }
    if (selection && known) for (const view of known.views) view.show(selection);
  }

  /** The session of an open editor. */
  session(uri: vscode.Uri): CheckpointSession | undefined {
    return this.document(uri)?.session;
  }

  /** The file's document; the later one if it is open in both kinds of editor. */
  private document(uri: vscode.Uri): CheckpointDocument | undefined {
    return [...this.documents].findLast((document) => document.uri.toString() === uri.toString());
  }

  /** Forgets all results and asks anew, for settings or a cache that are no longer what they were. */
  async startOver(): Promise<void> {
    for (const { session, views } of [...this.documents]) {
      try {
        await session.reload(false);
      } catch (error) {
        this.log.warn(`${session.path}: ${String(error)}`); // its view says so, too: it asks when it loads
      }
      for (const view of views) view.load();
    }
  }
}
