/** The checkpoints that are open, by their handles. */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { shardOfModel } from '../../checkpoint/folders/shardOfModel';
import { openModel } from '../../checkpoint/openModel';
import { removeAbandonedPartials } from '../../compression/partialFile';
import { EngineError } from '../layer/engineLayer';
import { EngineDocument } from './engineDocument';
import { snapshotFiles } from './fileSnapshot';
import { summarise } from './summary';

export class OpenDocuments {
  private readonly documents = new Map<string, EngineDocument>();
  /** Folders in which this process has looked for what killed saves left. */
  private readonly tidied = new Set<string>();

  /** @throws CheckpointError */
  async open(path: string, signal?: AbortSignal): Promise<EngineDocument> {
    const model = await openModel(path, signal);
    // Not to be guessed: a handle of a former process must not mean another file in this one.
    const handle = randomUUID();
    try {
      const files = await snapshotFiles(model.files);
      const shard = await shardOfModel(model.path);
      const summary = { ...summarise(model, handle, files, model.config), ...(shard && { shard }) };
      const document = new EngineDocument(handle, path, model, files, summary);
      this.documents.set(handle, document);
      this.tidyBeside(model.files);
      return document;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  /** Does nothing where it is not open. */
  async close(handle: string): Promise<void> {
    const document = this.documents.get(handle);
    if (!document) return;
    this.documents.delete(handle);
    await document.checkpoint.close();
  }

  async closeAll(): Promise<void> {
    for (const handle of [...this.documents.keys()]) await this.close(handle);
  }

  /** Undefined where it is not open. */
  find(handle: string): EngineDocument | undefined {
    return this.documents.get(handle);
  }

  /** @throws EngineError where it is not open */
  get(handle: string): EngineDocument {
    const document = this.documents.get(handle);
    if (!document) throw new EngineError('unknown-document', 'this checkpoint is no longer open; open it again');
    return document;
  }

  /** The latest one of a path whose files are still what they were when it was opened. */
  ofPath(path: string): EngineDocument | undefined {
    const documents = this.all().filter(({ change }) => !change);
    return documents.findLast(({ openedPath, checkpoint }) => openedPath === path || checkpoint.path === path);
  }

  /** In the order in which they were opened. */
  all(): EngineDocument[] {
    return [...this.documents.values()];
  }

  /** Removes what killed saves left beside the files, once for each folder. */
  private tidyBeside(files: readonly string[]): void {
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      if (this.tidied.has(folder)) continue;
      this.tidied.add(folder);
      void removeAbandonedPartials(folder);
    }
  }
}
