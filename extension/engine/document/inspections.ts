/** The queue of layers to inspect: what is asked of each document, its results, and what ends it early. */
import { CheckpointError } from '../../checkpoint/checkpointError';
import type { InspectSettings } from '../../shared/layers';
import { problemOf } from '../../shared/rpc';
import type { Problem } from '../../shared/tensors';
import { LayerError } from '../layer/layerInput';
import type { ReadAhead } from '../layer/readAhead';
import { JobQueue } from '../resources/jobQueue';
import { failedResult } from '../worker/layerResult';
import type { EngineDocument } from './engineDocument';
import type { LayerOutcomes, Notify } from './layerOutcomes';
import type { OpenDocuments } from './openDocuments';

export class Inspections {
  private readonly queue: JobQueue<ReadAhead>;
  private checkingFiles = false;

  /** @param threads layers in work at a time */
  constructor(
    threads: number,
    private readonly documents: OpenDocuments,
    private readonly outcomes: LayerOutcomes,
    private readonly notify: Notify,
  ) {
    this.queue = new JobQueue<ReadAhead>(threads, {
      onState: (handle, state) => {
        const document = this.documents.find(handle);
        if (!document) return;
        if (state.done >= state.total && state.active.length === 0) this.suggestWelore(document);
        notify('queue', { ...document.stamp, ...state });
      },
      onFailed: (job, error) => {
        const document = this.documents.find(job.document);
        if (document) this.failed(document, job.name, error);
      },
    });
  }

  /**
   * Queues layers (tensor names stand for all of their layers). If the files have changed, nothing is queued: the
   * caller was told of it.
   *
   * @returns how many were not in the queue yet
   * @throws EngineError for an unknown name
   */
  add(document: EngineDocument, names: readonly string[] | undefined, settings: InspectSettings): number {
    if (document.change) return 0;
    const wanted = names ? document.expand(names) : [...document.layers.keys()];
    let queued = 0;
    for (const name of wanted) {
      document.layer(name);
      const run = async (signal: AbortSignal, ahead?: ReadAhead): Promise<void> => {
        const outcome = await this.outcomes
          .outcome(document, name, settings, signal, ahead)
          .finally(() => ahead?.drop());
        document.remember(outcome);
        this.notify('result', { ...document.stamp, result: outcome.result });
      };
      const prepare = (): ReadAhead => this.outcomes.readAhead(document, name, settings);
      if (this.queue.add({ document: document.handle, name, run, prepare })) queued++;
    }
    this.queue.start();
    return queued;
  }

  /** Moves these layers to the front, first one first. */
  prioritise(document: EngineDocument, names: readonly string[]): void {
    this.queue.prioritise(document.handle, document.expand(names));
  }

  /** All of the document's without `names`. */
  cancel(document: EngineDocument, names?: readonly string[]): void {
    this.queue.cancel(document.handle, names && document.expand(names));
  }

  /** Looks whether open files are still what was opened. Ends at once where a former look still waits for a disk. */
  async checkFiles(): Promise<void> {
    if (this.checkingFiles) return;
    this.checkingFiles = true;
    try {
      for (const document of this.documents.all()) {
        const problem = await document.findChange();
        if (problem && this.documents.find(document.handle) === document) this.changed(document, problem);
      }
    } finally {
      this.checkingFiles = false;
    }
  }

  /** Once every layer is known, WeLore's one threshold for the model gives each layer its rank. */
  private suggestWelore(document: EngineDocument): void {
    if (!document.complete()) return;
    for (const result of document.weloreResults()) this.notify('result', { ...document.stamp, result });
  }

  private failed(document: EngineDocument, name: string, error: unknown): void {
    if (error instanceof CheckpointError && error.code === 'changed') {
      // It is about the file, whichever layer was read just then: nothing is wrong with that one.
      const { file, remedy } = error.where;
      const where = { ...(file !== undefined && { file }), ...(remedy !== undefined && { remedy }) };
      this.changed(document, new CheckpointError(error.code, error.reason, where).toProblem());
      return;
    }
    const { tensor, geometry } = document.layer(name);
    const statistics = error instanceof LayerError ? error.statistics : null;
    const result = failedResult(name, tensor, geometry, layerProblem(error, name), statistics);
    document.setResult(result);
    this.notify('result', { ...document.stamp, result });
  }

  /** Reports a change once a document. What is still to be computed for it would fail, layer by layer. */
  private changed(document: EngineDocument, problem: Problem): void {
    this.queue.cancel(document.handle);
    if (document.noteChange(problem)) this.notify('changed', { ...document.stamp, problem });
  }
}

/** What went wrong with a layer, naming it. */
function layerProblem(error: unknown, name: string): Problem {
  if (error instanceof CheckpointError) return { ...error.ofTensor(name).toProblem(), tensor: name };
  const problem = problemOf(error);
  return { ...problem, message: `${name}: ${problem.message}`, tensor: name };
}
