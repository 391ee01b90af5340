/** The checkpoints that are open, by their handles. */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { withFolds } from '../../checkpoint/wrappers/foldedTensor';
import { shardOfModel } from '../../checkpoint/folders/shardOfModel';
import { openCheckpoint } from '../../checkpoint/registry';
import { withSlices } from '../../checkpoint/wrappers/tensorSlice';
import { withTiedEmbeddings } from '../../checkpoint/wrappers/tiedEmbeddings';
import { removeAbandonedPartials } from '../../compression/partialFile';
import { EngineError } from '../layer/engineLayer';
import { EngineDocument } from './engineDocument';
import { snapshotFiles } from './fileSnapshot';
import { readModelConfig } from '../../checkpoint/modelConfig';
import { summarise } from './summary';

export class OpenDocuments {
  private readonly documents = new Map<string, EngineDocument>();
  /** Folders in which this process has looked for what killed saves left. */
  private readonly tidied = new Set<string>();

  /** @throws CheckpointError */
  async open(path: string, signal?: AbortSignal): Promise<EngineDocument> {
    const stored = await openCheckpoint(path, signal);
    // Not to be guessed: a handle of a former process must not mean another file in this one.
    const handle = randomUUID();
    try {
      const files = await snapshotFiles(stored.files);
      const config = await readModelConfig(stored, signal);
      const tied = config.copiesAreTied ? await withTiedEmbeddings(stored, signal) : stored;
      const checkpoint = withSlices(withFolds(tied));
      const shard = await shardOfModel(stored.path);
      const summary = { ...summarise(checkpoint, handle, files, config), ...(shard && { shard }) };
      const document = new EngineDocument(handle, path, checkpoint, files, summary, config);
      this.documents.set(handle, document);
      this.tidyBeside(stored.files);
      return document;
    } catch (error) {
      await stored.close();
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
