/**
 * What is to be computed, in which order: prioritised names first (visible and selected rows), then the order of
 * queueing. A job can be cancelled waiting or running.
 */
export interface Job {
  readonly document: string;
  readonly name: string;
  /** @throws anything; the queue hands it to `onFailed` unless the job was cancelled */
  run(signal: AbortSignal): Promise<void>;
}

interface Entry {
  job: Job;
  controller: AbortController;
}

export interface QueueState {
  done: number;
  total: number;
  active: string[];
}

export class JobQueue {
  /** Insertion order is the queue's order; keys are document and name. */
  private readonly waiting = new Map<string, Entry>();
  private readonly running = new Map<string, Entry>();
  private readonly front: string[] = [];
  private readonly counts = new Map<string, { done: number; total: number }>();

  constructor(
    /** Jobs at one time. */
    private readonly concurrency: number,
    private readonly events: {
      onState: (document: string, state: QueueState) => void;
      onFailed: (job: Job, error: unknown) => void;
    },
  ) {}

  /** Queues a job unless the same one waits or runs. @returns false where it did */
  add(job: Job): boolean {
    const key = keyOf(job.document, job.name);
    const running = this.running.get(key);
    if (this.waiting.has(key) || (running && !running.controller.signal.aborted)) return false;
    this.waiting.set(key, { job, controller: new AbortController() });
    this.countsOf(job.document).total++;
    return true;
  }

  /** Starts what may run. Separate from `add` so that a batch is ordered before its first job starts. */
  start(): void {
    while (this.running.size < this.concurrency) {
      const key = this.nextKey();
      if (key === undefined) return;
      const entry = this.waiting.get(key)!;
      this.waiting.delete(key);
      if (this.running.has(key)) {
        // The cancelled run of the same job has not ended yet: two at once would write the same row.
        this.waiting.set(key, entry);
        return;
      }
      this.running.set(key, entry);
      this.report(entry.job.document);
      void this.execute(key, entry);
    }
  }

  private nextKey(): string | undefined {
    for (let key = this.front.shift(); key !== undefined; key = this.front.shift()) {
      if (this.waiting.has(key)) return key;
    }
    for (const key of this.waiting.keys()) return key;
    return undefined;
  }

  private async execute(key: string, { job, controller }: Entry): Promise<void> {
    try {
      await job.run(controller.signal);
    } catch (error) {
      if (!controller.signal.aborted) this.events.onFailed(job, error);
    }
    this.running.delete(key);
    const counts = this.countsOf(job.document);
    if (controller.signal.aborted) counts.total--;
    else counts.done++;
    this.report(job.document);
    this.start();
  }

  /** These go first, in the order given; what was in front before comes after them. */
  prioritise(document: string, names: readonly string[]): void {
    const keys = names.map((name) => keyOf(document, name)).filter((key) => this.waiting.has(key));
    const moved = new Set(keys);
    const rest = this.front.filter((key) => !moved.has(key) && this.waiting.has(key));
    this.front.splice(0, this.front.length, ...keys, ...rest);
  }

  /** Cancels the named jobs, or all of the document's; running ones end at their next check. */
  cancel(document: string, names?: readonly string[]): void {
    const chosen = names && new Set(names);
    const counts = this.countsOf(document);
    for (const [key, { job }] of this.waiting) {
      if (job.document !== document || (chosen && !chosen.has(job.name))) continue;
      this.waiting.delete(key);
      counts.total--;
    }
    for (const { job, controller } of this.running.values()) {
      if (job.document === document && (!chosen || chosen.has(job.name))) controller.abort();
    }
    this.report(document);
  }

  private countsOf(document: string): { done: number; total: number } {
    let counts = this.counts.get(document);
    if (!counts) this.counts.set(document, (counts = { done: 0, total: 0 }));
    return counts;
  }

  private report(document: string): void {
    const counts = this.countsOf(document);
    const active = [...this.running.values()]
      .filter(({ job, controller }) => job.document === document && !controller.signal.aborted)
      .map(({ job }) => job.name);
    this.events.onState(document, { ...counts, active });
    if (counts.done >= counts.total && active.length === 0) this.counts.delete(document);
  }
}

function keyOf(document: string, name: string): string {
  return `${document}\n${name}`;
}
