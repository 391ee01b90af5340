/**
 * What is to be computed, in which order: prioritised names first (visible and selected rows), then the order of
 * queueing. A job can be cancelled waiting or running. The job that comes next may get ready while others run.
 */
export interface Job<P extends Prepared = Prepared> {
  readonly document: string;
  readonly name: string;
  /** @throws anything; the queue hands it to `onFailed` unless the job was cancelled */
  run(signal: AbortSignal, prepared?: P): Promise<void>;
  /** Begins to get what `run` needs first. Called when this job comes next and all places are taken. */
  prepare?(): P;
}

/** What a job got ready. The queue drops it where another job comes next or the job is cancelled; `run` takes it over. */
export interface Prepared {
  drop(): void;
}

interface Entry<P extends Prepared> {
  job: Job<P>;
  controller: AbortController;
}

export interface QueueState {
  done: number;
  total: number;
  active: string[];
}

export class JobQueue<P extends Prepared = Prepared> {
  /** Insertion order is the queue's order; keys are document and name. */
  private readonly waiting = new Map<string, Entry<P>>();
  private readonly running = new Map<string, Entry<P>>();
  private front: string[] = [];
  /** Those before it wait no more. */
  private frontAt = 0;
  private readonly counts = new Map<string, { done: number; total: number }>();
  private ahead: { key: string; prepared: P } | undefined;

  constructor(
    /** Jobs at one time. */
    private readonly concurrency: number,
    private readonly events: {
      onState: (document: string, state: QueueState) => void;
      onFailed: (job: Job<P>, error: unknown) => void;
    },
  ) {}

  /** Queues a job unless the same one waits or runs. @returns false where it did */
  add(job: Job<P>): boolean {
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
      void this.execute(key, entry, this.takeAhead(key));
    }
    this.lookAhead();
  }

  private nextKey(): string | undefined {
    while (this.frontAt < this.front.length && !this.waiting.has(this.front[this.frontAt]!)) this.frontAt++;
    if (this.frontAt < this.front.length) return this.front[this.frontAt];
    for (const key of this.waiting.keys()) return key;
    return undefined;
  }

  /** Gets the job ready that comes next, and drops what another one got. */
  private lookAhead(): void {
    const next = this.running.size >= this.concurrency ? this.nextKey() : undefined;
    if (this.ahead?.key === next) return;
    this.ahead?.prepared.drop();
    const prepared = next === undefined ? undefined : this.waiting.get(next)!.job.prepare?.();
    this.ahead = next !== undefined && prepared ? { key: next, prepared } : undefined;
  }

  private takeAhead(key: string): P | undefined {
    if (this.ahead?.key !== key) return undefined;
    const { prepared } = this.ahead;
    this.ahead = undefined;
    return prepared;
  }

  private async execute(key: string, { job, controller }: Entry<P>, prepared: P | undefined): Promise<void> {
    try {
      await job.run(controller.signal, prepared);
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
    this.front = [...keys, ...rest];
    this.frontAt = 0;
    this.lookAhead();
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
    this.lookAhead();
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
