/**
 * The checkpoints of the workspace: found by name, their headers read by the engine in the background, kept up to date
 * by a watcher. Feeds the hover's name index; nothing here waits for anything a person does.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { checkpointFolders, wholeCheckpoints, WORKSPACE_GLOB } from './checkpointFiles';
import { unpackSummary } from '../packedTensors';
import type { EngineClient } from './engineClient';
import { LayerIndex } from './layerIndex';

/** Files that are looked for at all. A folder of training snapshots can hold thousands. */
const MAX_FILES = 500;

/** Checkpoints kept open for the hover: each costs file handles and its names. */
const MAX_OPEN = 64;

/** A file being written changes many times a second: it is read again when it has been quiet for this long. */
const QUIET_MS = 1000;

export class WorkspaceCheckpoints implements vscode.Disposable {
  readonly index = new LayerIndex();
  /** Engine handles of indexed checkpoints, by path. */
  private readonly handles = new Map<string, string>();
  private readonly quiet = new Map<string, NodeJS.Timeout>();
  private readonly watcher = vscode.workspace.createFileSystemWatcher(WORKSPACE_GLOB);
  private files: string[] = [];
  private indexing: Promise<void> | undefined;
  private disposed = false;

  constructor(
    private readonly engine: EngineClient,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.watcher.onDidCreate(({ fsPath }) => this.touched(fsPath));
    this.watcher.onDidChange(({ fsPath }) => this.touched(fsPath));
    this.watcher.onDidDelete(({ fsPath }) => this.touched(fsPath));
    engine.events.on('state', (change) => {
      if (change.state !== 'running' || !change.restarted || this.handles.size === 0) return;
      this.handles.clear();
      this.indexing = undefined;
      void this.readHeaders();
    });
  }

  /** Finds the files, and tells the explorer's menu which folders hold a checkpoint. */
  async find(): Promise<readonly string[]> {
    const found = await vscode.workspace.findFiles(WORKSPACE_GLOB, '**/node_modules/**', MAX_FILES);
    const onDisk = found.filter(({ scheme }) => scheme === 'file').map(({ fsPath }) => fsPath);
    this.files = wholeCheckpoints(onDisk).sort();
    const folders = checkpointFolders(onDisk);
    await vscode.commands.executeCommand('setContext', 'eigenscope.checkpointFolders', folders);
    return this.files;
  }

  /** Reads the headers of all, once; later calls answer with the first one's promise. */
  readHeaders(): Promise<void> {
    this.indexing ??= this.find().then(async (files) => {
      for (const file of files.slice(0, MAX_OPEN)) {
        if (this.disposed) return;
        await this.read(file);
      }
    });
    return this.indexing;
  }

  dispose(): void {
    this.disposed = true;
    this.watcher.dispose();
    for (const timer of this.quiet.values()) clearTimeout(timer);
  }

  /** What was known of it answers until the new headers are there. */
  private async read(file: string): Promise<void> {
    if (this.handles.size >= MAX_OPEN && !this.handles.has(file)) return;
    try {
      const { answer } = await this.engine.request('open', { path: file });
      const summary = unpackSummary(answer);
      const former = this.handles.get(file);
      this.handles.set(file, summary.document);
      if (!this.index.add(file, summary)) this.log.warn(`${file} is left out of hovers: too many tensors are indexed.`);
      if (former !== undefined) await this.engine.request('close', { document: former });
    } catch (error) {
      // Suffixes like .bin belong to others, too: not being a checkpoint is no news.
      this.log.debug(`not indexed for hovers: ${error instanceof Error ? error.message : String(error)}`);
      await this.forget(file);
    }
  }

  private async forget(file: string): Promise<void> {
    this.index.remove(file);
    const document = this.handles.get(file);
    if (document === undefined) return;
    this.handles.delete(file);
    await this.engine.request('close', { document });
  }

  private touched(file: string): void {
    clearTimeout(this.quiet.get(file));
    const timer = setTimeout(() => {
      this.quiet.delete(file);
      this.update(file).catch((error: unknown) => this.log.warn(`${path.basename(file)}: ${String(error)}`));
    }, QUIET_MS);
    this.quiet.set(file, timer);
  }

  private async update(file: string): Promise<void> {
    const files = await this.find();
    if (!this.indexing) return; // no hover has asked yet
    await this.indexing;
    if (files.includes(file)) await this.read(file);
    else await this.forget(file);
  }
}
