/**
 * Documents that are open for a moment only: a hover asks for a layer's cached result, and for the next one a second
 * later. No file stays open for it.
 */

/** Hovers that follow one another find their document open. */
const KEPT_MS = 10_000;

/** A hover shows one layer of a few checkpoints. */
const MOST_OPEN = 4;

interface Passing<T> {
  document: Promise<T>;
  timer: NodeJS.Timeout;
}

export class PassingDocuments<T> {
  /** By path, the one used last at the end. */
  private readonly open = new Map<string, Passing<T>>();

  constructor(
    private readonly opener: (path: string) => Promise<T>,
    private readonly closer: (document: T) => Promise<void>,
    private readonly keptMs = KEPT_MS,
  ) {}

  /** @throws what opening throws */
  get(path: string): Promise<T> {
    const known = this.open.get(path);
    clearTimeout(known?.timer);
    this.open.delete(path);
    const document = known?.document ?? this.opener(path);
    const timer = setTimeout(() => this.drop(path), this.keptMs);
    timer.unref();
    this.open.set(path, { document, timer });
    document.catch(() => {
      if (this.open.get(path)?.document === document) this.drop(path); // it is asked for anew
    });
    for (const oldest of this.open.keys()) {
      if (this.open.size <= MOST_OPEN) break;
      this.drop(oldest);
    }
    return document;
  }

  /** Closes it. */
  drop(path: string): void {
    const known = this.open.get(path);
    if (!known) return;
    clearTimeout(known.timer);
    this.open.delete(path);
    // One that could not be opened has told so; a file that cannot be closed is no longer there.
    known.document.then((document) => this.closer(document)).catch(() => undefined);
  }
}
