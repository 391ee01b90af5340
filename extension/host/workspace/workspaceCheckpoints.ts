/**
 * The checkpoints of the workspace, found by name and kept up to date by a watcher: for the explorer's menu, for commands
 * that ask which one, and for the hover's index. Nothing here waits for anything a person does.
 */
import * as vscode from 'vscode';
import { WORKSPACE_GLOB } from '../../shared/names/checkpointNames';
import { CoalescedPass } from './coalescedPass';
import { checkpointFolders, wholeCheckpoints } from './workspaceFiles';
import type { IndexedFiles } from './indexedFiles';

/** Files that are looked for at all. A folder of training snapshots can hold thousands. */
const MAX_FILES = 500;

/** A file being written changes many times a second: it is read when all has been quiet for a second, or after ten. */
const QUIET = { quietMs: 1000, mostMs: 10_000 };

/** Paths of changed files that are remembered one by one. If there are more, everything is looked at. */
const MAX_TOUCHED = 1000;

export class WorkspaceCheckpoints implements vscode.Disposable {
  /** What was done, for the tests: one pass takes any number of changes. */
  readonly counts = { searches: 0, passes: 0 };
  private readonly touched = new Set<string>();
  private readonly pass = new CoalescedPass(() => this.lookAgain(), QUIET);
  private readonly watcher = vscode.workspace.createFileSystemWatcher(WORKSPACE_GLOB);
  private found: Promise<readonly string[]> | undefined;
  private indexing: Promise<void> | undefined;
  /** False in a workspace with too many files: which of them are found is chance. */
  private foundAll = true;

  constructor(
    /** The files whose names hovers know. */
    readonly indexed: IndexedFiles,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const touched = ({ fsPath }: vscode.Uri): void => {
      if (this.touched.size < MAX_TOUCHED) this.touched.add(fsPath);
      this.pass.touch();
    };
    this.watcher.onDidCreate(touched);
    this.watcher.onDidChange(touched);
    this.watcher.onDidDelete(touched);
  }

  /** Finds the files, and tells menus whether there are any, and which folders hold one. */
  find(): Promise<readonly string[]> {
    this.counts.searches += 1;
    const search = this.search();
    this.found = search;
    // A search that failed is not the last word: who asks next searches again.
    search.catch(() => {
      if (this.found === search) this.found = undefined;
    });
    return search;
  }

  private async search(): Promise<readonly string[]> {
    const found = await vscode.workspace.findFiles(WORKSPACE_GLOB, '**/node_modules/**', MAX_FILES);
    this.foundAll = found.length < MAX_FILES;
    const onDisk = found.filter(({ scheme }) => scheme === 'file').map(({ fsPath }) => fsPath);
    const folders = checkpointFolders(onDisk);
    await vscode.commands.executeCommand('setContext', 'eigenscope.checkpointFolders', folders);
    await vscode.commands.executeCommand('setContext', 'eigenscope.hasCheckpoints', onDisk.length > 0);
    return wholeCheckpoints(onDisk).sort();
  }

  /** Reads the headers of all, once; later calls answer with the first one's promise, unless that failed. */
  readHeaders(): Promise<void> {
    // The watcher keeps what was found up to date: one search does for the menu and for the hover.
    if (this.indexing) return this.indexing;
    const indexing = (this.found ?? this.find()).then((files) => this.indexed.readNew(files));
    this.indexing = indexing;
    indexing.catch(() => {
      this.indexing = undefined;
    });
    return indexing;
  }

  dispose(): void {
    this.watcher.dispose();
    this.pass.dispose();
    this.indexed.dispose();
  }

  /** All that changed since the last time, in one go. */
  private async lookAgain(): Promise<void> {
    this.counts.passes += 1;
    const touched = this.touched.size < MAX_TOUCHED ? [...this.touched] : undefined;
    this.touched.clear();
    try {
      const files = await this.find();
      if (!this.indexing) return; // no hover has asked yet
      await this.indexing;
      await this.indexed.review(touched, files, this.foundAll);
      await this.indexed.readNew(files);
    } catch (error) {
      this.log.warn(`looking for checkpoints: ${String(error)}`);
    }
  }
}
