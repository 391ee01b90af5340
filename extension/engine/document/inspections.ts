/** The queue of layers to inspect: what is asked of each document, its results, and what ends it early. */
import { CheckpointError } from '../../checkpoint/checkpointError';
import type { InspectDepth } from '../../shared/estimates';
import type { InspectSettings } from '../../shared/layers';
import { problemOf } from '../../shared/rpc';
import type { Problem } from '../../shared/tensors';
import { LayerError } from '../layer/layerInput';
import type { ReadAhead } from '../layer/readAhead';
import { exactCost, quickCost } from '../quick/quickPlan';
import { JobQueue, type Job, type JobKind } from '../resources/jobQueue';
import { TimeLeft } from '../resources/timeLeft';
import { failedResult } from '../worker/layerResult';
import type { EngineDocument } from './engineDocument';
import type { LayerOutcomes, Notify } from './layerOutcomes';
import type { OpenDocuments } from './openDocuments';
import type { QuickLooks } from './quickLooks';

export class Inspections {
  private readonly queue: JobQueue<ReadAhead>;
  private readonly times = new WeakMap<EngineDocument, TimeLeft>();
  private checkingFiles = false;

  /** @param threads layers in work at a time */
  constructor(
    threads: number,
    private readonly documents: OpenDocuments,
    private readonly outcomes: LayerOutcomes,
    private readonly looks: QuickLooks,
    private readonly notify: Notify,
  ) {
    this.queue = new JobQueue<ReadAhead>(threads, {
      onState: (handle, state) => {
        const document = this.documents.find(handle);
        if (!document) return;
        if (state.done >= state.total && state.active.length === 0) this.suggestWelore(document);
        notify('queue', { ...document.stamp, ...state, secondsLeft: this.timeOf(document).seconds() });
      },
      onFailed: (job, error) => {
        const document = this.documents.find(job.document);
        if (!document) return;
        if (job.kind === 'quick' && error instanceof LayerError)
          notify('log', { level: 'warn', message: layerProblem(error, job.name).message });
        else this.failed(document, job.name, error);
      },
    });
  }

  /**
   * Queues layers (tensor names stand for all of their layers). Layers whose spectra take long are looked at quickly before
   * any of those is computed, and with depth `quick` they are not computed. If the files have changed, nothing is queued:
   * the caller was told of it.
   *
   * @returns how many were not in the queue yet
   * @throws EngineError for an unknown name
   */
  add(
    document: EngineDocument,
    names: readonly string[] | undefined,
    settings: InspectSettings,
    depth: InspectDepth = 'exact',
  ): number {
    if (document.change) return 0;
    const wanted = names ? document.expand(names) : [...document.layers.keys()];
    // Before anything is queued: an unknown name queues nothing.
    for (const name of wanted) document.layer(name);
    const slow = wanted.filter((name) => this.looks.isWorthALook(document, name, settings));
    const slowNames = new Set(slow);
    const times = this.timeOf(document);
    let queued = 0;
    const add = (job: Job<ReadAhead>, kind: JobKind, cost: number): void => {
      const added = this.queue.add({ ...job, kind, run: (signal, ahead) => timed(times, job, kind, signal, ahead) });
      if (added) {
        times.add(kind, job.name, cost);
        queued++;
      }
    };
    for (const name of wanted) {
      if (!slowNames.has(name))
        add(this.exactJob(document, name, settings, 0), 'exact', this.exactCost(document, name, settings));
    }
    for (const name of slow) {
      const cost = this.exactCost(document, name, settings);
      const { geometry } = document.layer(name);
      if (!document.result(name)) add(this.quickJob(document, name, settings), 'quick', quickCost(geometry!, settings));
      if (depth === 'exact') add(this.exactJob(document, name, settings, 1), 'exact', cost);
      // What waits for a click is told, too.
      else if (!document.result(name)) times.add('exact', name, cost);
    }
    this.queue.start();
    return queued;
  }

  private exactJob(document: EngineDocument, name: string, settings: InspectSettings, pass: 0 | 1): Job<ReadAhead> {
    const run = async (signal: AbortSignal, ahead?: ReadAhead): Promise<void> => {
      const outcome = await this.outcomes.outcome(document, name, settings, signal, ahead).finally(() => ahead?.drop());
      document.remember(outcome);
      this.notify('result', { ...document.stamp, result: outcome.result });
    };
    const prepare = (): ReadAhead => this.outcomes.readAhead(document, name, settings);
    return { document: document.handle, name, pass, run, prepare };
  }

  private quickJob(document: EngineDocument, name: string, settings: InspectSettings): Job<ReadAhead> {
    const run = async (signal: AbortSignal): Promise<void> => {
      const known = await this.outcomes.known(document, name, settings);
      if (known) {
        document.remember(known);
        this.timeOf(document).remove('exact', name);
        this.notify('result', { ...document.stamp, result: known.result });
        return;
      }
      const look = await this.looks.look(document, name, settings, signal);
      this.notify('quick', { ...document.stamp, look });
    };
    return { document: document.handle, name, pass: 0, run };
  }

  private exactCost(document: EngineDocument, name: string, settings: InspectSettings): number {
    const { geometry } = document.layer(name);
    return geometry ? exactCost(geometry, settings) : 0;
  }

  private timeOf(document: EngineDocument): TimeLeft {
    let times = this.times.get(document);
    if (!times) this.times.set(document, (times = new TimeLeft()));
    return times;
  }

  /** Moves these layers to the front, first one first. */
  prioritise(document: EngineDocument, names: readonly string[]): void {
    this.queue.prioritise(document.handle, document.expand(names));
  }

  /** All of the document's without `names`. */
  cancel(document: EngineDocument, names?: readonly string[]): void {
    const chosen = names && document.expand(names);
    const times = this.timeOf(document);
    for (const name of chosen ?? document.layers.keys()) {
      times.remove('quick', name);
      times.remove('exact', name);
    }
    this.queue.cancel(document.handle, chosen);
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

/** Runs a job by the clock. */
async function timed(
  times: TimeLeft,
  job: Job<ReadAhead>,
  kind: JobKind,
  signal: AbortSignal,
  ahead: ReadAhead | undefined,
): Promise<void> {
  times.begin(kind, job.name);
  const began = performance.now();
  let ended = false;
  try {
    await job.run(signal, ahead);
    ended = true;
  } finally {
    times.end(kind, job.name, ended && performance.now() - began > KNOWN_MS);
  }
}

/** What was known, in memory or on disk, is there sooner than this. */
const KNOWN_MS = 40;

/** What went wrong with a layer, naming it. */
function layerProblem(error: unknown, name: string): Problem {
  if (error instanceof CheckpointError) return { ...error.ofTensor(name).toProblem(), tensor: name };
  const problem = problemOf(error);
  return { ...problem, message: `${name}: ${problem.message}`, tensor: name };
}
