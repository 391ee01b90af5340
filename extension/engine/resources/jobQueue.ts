/**
 * What is to be computed, in which order: one pass after the other, and in each the prioritised names first (visible and
 * selected rows), then the order of queueing. A job can be cancelled waiting or running. The job that comes next may get
 * ready while others run.
 */
export interface Job<P extends Prepared = Prepared> {
  readonly document: string;
  readonly name: string;
  /** Jobs of the first pass go before those of the second; 0 where absent. */
  readonly pass?: 0 | 1;
  /** What it counts as beside its name; jobs of two kinds may have one name. */
  readonly kind?: JobKind;
  /** @throws anything; the queue hands it to `onFailed` unless the job was cancelled */
  run(signal: AbortSignal, prepared?: P): Promise<void>;
  /** Begins to get what `run` needs first. Called when this job comes next and all places are taken. */
  prepare?(): P;
}

/** `exact` where a job says nothing. */
export type JobKind = 'exact' | 'quick';

/** What a job got ready. The queue drops it where another job comes next or the job is cancelled; `run` takes it over. */
export interface Prepared {
  drop(): void;
}

interface Entry<P extends Prepared> {
  job: Job<P>;
  controller: AbortController;
}

export interface JobCounts {
  done: number;
  total: number;
}

/** `done` and `total` are of exact jobs. */
export interface QueueState extends JobCounts {
  active: string[];
  /** Absent where there are none. */
  quick?: JobCounts;
}

/** Jobs that wait for one pass. */
class Pass<P extends Prepared> {
  /** Insertion order is the order of queueing. */
  readonly waiting = new Map<string, Entry<P>>();
  private front: string[] = [];
  /** Those before it wait no more. */
  private frontAt = 0;

  next(): string | undefined {
    while (this.frontAt < this.front.length && !this.waiting.has(this.front[this.frontAt]!)) this.frontAt++;
    if (this.frontAt < this.front.length) return this.front[this.frontAt];
    for (const key of this.waiting.keys()) return key;
    return undefined;
  }

  prioritise(keys: readonly string[]): void {
    const found = keys.filter((key) => this.waiting.has(key));
    const moved = new Set(found);
    this.front = [...found, ...this.front.filter((key) => !moved.has(key) && this.waiting.has(key))];
    this.frontAt = 0;
  }
}

export class JobQueue<P extends Prepared = Prepared> {
  private readonly passes = [new Pass<P>(), new Pass<P>()] as const;
  private readonly running = new Map<string, Entry<P>>();
  private readonly counts = new Map<string, Record<JobKind, JobCounts>>();
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
    const key = keyOf(job);
    const running = this.running.get(key);
    if (this.passes.some(({ waiting }) => waiting.has(key)) || (running && !running.controller.signal.aborted))
      return false;
    this.passes[job.pass ?? 0].waiting.set(key, { job, controller: new AbortController() });
    this.countsOf(job).total++;
    return true;
  }

  /** Starts what may run. Separate from `add` so that a batch is ordered before its first job starts. */
  start(): void {
    while (this.running.size < this.concurrency) {
      const next = this.next();
      if (!next) return;
      const { key, entry, waiting } = next;
      waiting.delete(key);
      if (this.running.has(key)) {
        // The cancelled run of the same job has not ended yet: two at once would write the same row.
        waiting.set(key, entry);
        return;
      }
      this.running.set(key, entry);
      this.report(entry.job.document);
      void this.execute(key, entry, this.takeAhead(key));
    }
    this.lookAhead();
  }

  private next(): { key: string; entry: Entry<P>; waiting: Map<string, Entry<P>> } | undefined {
    for (const pass of this.passes) {
      const key = pass.next();
      if (key !== undefined) return { key, entry: pass.waiting.get(key)!, waiting: pass.waiting };
    }
    return undefined;
  }

  /** Gets the job ready that comes next, and drops what another one got. */
  private lookAhead(): void {
    const next = this.running.size >= this.concurrency ? this.next() : undefined;
    if (this.ahead?.key === next?.key) return;
    this.ahead?.prepared.drop();
    const prepared = next?.entry.job.prepare?.();
    this.ahead = next && prepared ? { key: next.key, prepared } : undefined;
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
    const counts = this.countsOf(job);
    if (controller.signal.aborted) counts.total--;
    else counts.done++;
    this.report(job.document);
    this.start();
  }

  /** These go first in their pass, in the order given; what was in front before comes after them. */
  prioritise(document: string, names: readonly string[]): void {
    const keys = names.flatMap((name) => KINDS.map((kind) => keyOf({ document, name, kind })));
    for (const pass of this.passes) pass.prioritise(keys);
    this.lookAhead();
  }

  /** Cancels the named jobs, or all of the document's; running ones end at their next check. */
  cancel(document: string, names?: readonly string[]): void {
    const chosen = names && new Set(names);
    for (const { waiting } of this.passes) {
      for (const [key, { job }] of waiting) {
        if (job.document !== document || (chosen && !chosen.has(job.name))) continue;
        waiting.delete(key);
        this.countsOf(job).total--;
      }
    }
    for (const { job, controller } of this.running.values()) {
      if (job.document === document && (!chosen || chosen.has(job.name))) controller.abort();
    }
    this.lookAhead();
    this.report(document);
  }

  private countsOf({ document, kind = 'exact' }: Pick<Job<P>, 'document' | 'kind'>): JobCounts {
    let counts = this.counts.get(document);
    if (!counts) this.counts.set(document, (counts = { exact: { done: 0, total: 0 }, quick: { done: 0, total: 0 } }));
    return counts[kind];
  }

  private report(document: string): void {
    const exact = this.countsOf({ document });
    const quick = this.countsOf({ document, kind: 'quick' });
    const active = [...this.running.values()]
      .filter(({ job, controller }) => job.document === document && !controller.signal.aborted)
      .map(({ job }) => job.name);
    const state = { ...exact, active: [...new Set(active)], ...(quick.total > 0 && { quick: { ...quick } }) };
    this.events.onState(document, state);
    if (exact.done + quick.done >= exact.total + quick.total && active.length === 0) this.counts.delete(document);
  }
}

const KINDS: readonly JobKind[] = ['quick', 'exact'];

function keyOf({ document, name, kind = 'exact' }: Pick<Job, 'document' | 'name' | 'kind'>): string {
  return `${document}\n${kind}\n${name}`;
}
