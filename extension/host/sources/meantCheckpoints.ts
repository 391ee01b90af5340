/**
 * Which of the workspace's checkpoints a source file means: the one that it names, else an open one, else the nearest.
 * Hovers, lenses, links and completions ask here, so that all of them speak of the same one.
 */
import path from 'node:path';
import * as vscode from 'vscode';
import { folderMeaning } from '../../shared/names/folderMeaning';
import type { WorkspaceCheckpoints } from '../workspace/workspaceCheckpoints';
import { MAX_SOURCE } from './pythonStrings';
import { folderDistance, pathAgreement, SourceMentions } from './sourceMentions';

/** Source files whose mentions are remembered. */
const MOST_REMEMBERED = 8;

/** Cells of a notebook that are looked through. */
const MOST_CELLS = 500;

/** The scheme of a notebook's cell; its path is the notebook's. */
const CELL_SCHEME = 'vscode-notebook-cell';

/**
 * The rank of a checkpoint among those that may be meant. Smaller is likelier; the first number that differs decides.
 */
type Rank = readonly [unnamed: number, notOpen: number, distance: number];

/** Absent for what stands in no document: a terminal's output. */
type Text = vscode.TextDocument | undefined;

export class MeantCheckpoints {
  /** By document and version, the one used last at the end. */
  private readonly mentions = new Map<string, SourceMentions>();

  constructor(
    private readonly checkpoints: Pick<WorkspaceCheckpoints, 'indexed'>,
    /** True if an editor shows the checkpoint. */
    private readonly isOpen: (checkpoint: string) => boolean,
  ) {}

  /** The likeliest checkpoint first; the order of what is in one stays. */
  ranked<T extends { checkpoint: string; distance?: number }>(document: Text, found: readonly T[]): T[] {
    const ranks = new Map<string, Rank>();
    for (const { checkpoint } of found) {
      if (!ranks.has(checkpoint)) ranks.set(checkpoint, this.rank(document, checkpoint));
    }
    return [...found].sort((a, b) => {
      const [first, second] = [ranks.get(a.checkpoint)!, ranks.get(b.checkpoint)!];
      const byName = (a.distance ?? 0) - (b.distance ?? 0);
      return first[0] - second[0] || first[1] - second[1] || byName || first[2] - second[2];
    });
  }

  /** The source file names it, or an editor shows it. */
  isMeant(document: Text, checkpoint: string): boolean {
    const [unnamed, notOpen] = this.rank(document, checkpoint);
    return unnamed < 0 || notOpen === 0;
  }

  /**
   * The checkpoint that is named by a path, a folder or a model of the hub.
   *
   * @param written in the document
   */
  named(document: vscode.TextDocument, written: string): string | undefined {
    const { files } = this.checkpoints.indexed;
    const exact = this.resolved(document, written);
    if (exact !== undefined) return exact;
    const agreeing = files.filter((checkpoint) => pathAgreement(written, checkpoint) > 0);
    const [first] = this.ranked(
      document,
      agreeing.map((checkpoint) => ({ checkpoint })),
    );
    if (!first) return undefined;
    const isFile = path.basename(first.checkpoint) === path.basename(written.replaceAll('\\', '/'));
    return isFile ? first.checkpoint : whatFolderMeans(first.checkpoint, files);
  }

  /**
   * The checkpoint that a source file is about where no name decides: one that it names or that is open, else the only
   * one there is.
   */
  only(document: vscode.TextDocument): string | undefined {
    const { files } = this.checkpoints.indexed;
    const [first] = this.ranked(
      document,
      files.map((checkpoint) => ({ checkpoint })),
    );
    if (!first) return undefined;
    return this.isMeant(document, first.checkpoint) || files.length === 1 ? first.checkpoint : undefined;
  }

  /** The very path, from the source file's folder or from a folder of the workspace. Asks no disk. */
  private resolved(document: vscode.TextDocument, written: string): string | undefined {
    const { files } = this.checkpoints.indexed;
    const folders = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    const own = fileOf(document);
    if (own !== undefined) folders.unshift(path.dirname(own));
    for (const folder of folders) {
      const meant = path.resolve(folder, written);
      if (files.includes(meant)) return meant;
      const within = files.find((file) => path.dirname(file) === meant);
      if (within !== undefined) return whatFolderMeans(within, files);
    }
    return undefined;
  }

  private rank(document: Text, checkpoint: string): Rank {
    const own = document && fileOf(document);
    const distance = own === undefined ? 0 : folderDistance(own, checkpoint);
    const named = document ? this.mentionsIn(document).of(checkpoint) : 0;
    return [-named, this.isOpen(checkpoint) ? 0 : 1, distance];
  }

  private mentionsIn(document: vscode.TextDocument): SourceMentions {
    const key = `${document.version} ${notebookOf(document)?.version ?? ''} ${document.uri.toString()}`;
    const known = this.mentions.get(key) ?? new SourceMentions(sourceText(document));
    this.mentions.delete(key);
    this.mentions.set(key, known);
    for (const oldest of this.mentions.keys()) {
      if (this.mentions.size <= MOST_REMEMBERED) break;
      this.mentions.delete(oldest);
    }
    return known;
  }
}

/** The beginning of a document's text, as much as is looked through. */
export function beginningOf(document: vscode.TextDocument): string {
  return document.getText(new vscode.Range(document.positionAt(0), document.positionAt(MAX_SOURCE)));
}

/** What says which checkpoints are meant: a document's text, and that of the notebook that it is a cell of. */
function sourceText(document: vscode.TextDocument): string {
  const cells = notebookOf(document)?.getCells().slice(0, MOST_CELLS) ?? [];
  return [beginningOf(document), ...cells.map((cell) => beginningOf(cell.document))].join('\n');
}

function notebookOf({ uri }: vscode.TextDocument): vscode.NotebookDocument | undefined {
  if (uri.scheme !== CELL_SCHEME) return undefined;
  return vscode.workspace.notebookDocuments.find((notebook) => notebook.uri.fsPath === uri.fsPath);
}

/** The file of a document on the disk; undefined for one that was never saved. */
function fileOf({ uri }: vscode.TextDocument): string | undefined {
  return uri.scheme === 'file' || uri.scheme === CELL_SCHEME ? uri.fsPath : undefined;
}

/** The file that its folder stands for, where the files that are known tell. */
function whatFolderMeans(file: string, files: readonly string[]): string {
  const folder = path.dirname(file);
  const meaning = folderMeaning(
    files.filter((each) => path.dirname(each) === folder).map((each) => path.basename(each)),
  );
  return meaning.kind === 'file' ? path.join(folder, meaning.name) : file;
}
