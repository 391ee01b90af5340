/**
 * The memory that all layers in work may hold together. A layer says what it will need before it starts, and waits until
 * that much is free: first come, first served, so that small layers do not keep a large one waiting for ever.
 */
export interface Reservation {
  /** Gives the bytes back; once, however often it is called. */
  release(): void;
  /** A spare one is now needed like any other. */
  keep(): void;
}

interface Waiter {
  bytes: number;
  resolve: (reservation: Reservation) => void;
}

export class MemoryBudget {
  private used = 0;
  private readonly waiting: Waiter[] = [];
  /** How to get back what was reserved for later. */
  private readonly spare = new Set<() => void>();

  /** @param limit bytes */
  constructor(readonly limit: number) {}

  /**
   * @throws RangeError for more than the limit, which would never come
   * @throws the signal's reason when it fires first
   */
  async reserve(bytes: number, signal: AbortSignal): Promise<Reservation> {
    signal.throwIfAborted();
    if (bytes > this.limit) throw new RangeError(`${bytes} bytes are more than the limit of ${this.limit}`);
    if (this.free(bytes)) return this.grant(bytes);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
        this.serve();
      };
      const waiter: Waiter = {
        bytes,
        resolve: (granted) => {
          signal.removeEventListener('abort', abort);
          resolve(granted);
        },
      };
      this.waiting.push(waiter);
      signal.addEventListener('abort', abort, { once: true });
      // Else those who work would wait for one who waits for them.
      for (const revoke of [...this.spare]) revoke();
    });
  }

  /**
   * The bytes where they are free and nobody waits for some, for later use: until it is kept, the reservation is called
   * back as soon as somebody waits.
   *
   * @param revoke is to release it soon
   */
  reserveSpare(bytes: number, revoke: () => void): Reservation | undefined {
    if (!this.free(bytes)) return undefined;
    this.spare.add(revoke);
    return this.grant(bytes, revoke);
  }

  private free(bytes: number): boolean {
    return this.waiting.length === 0 && this.used + bytes <= this.limit;
  }

  private grant(bytes: number, revoke?: () => void): Reservation {
    this.used += bytes;
    let held = true;
    const keep = (): void => {
      if (revoke) this.spare.delete(revoke);
    };
    return {
      keep,
      release: () => {
        if (!held) return;
        held = false;
        keep();
        this.used -= bytes;
        this.serve();
      },
    };
  }

  private serve(): void {
    for (let [first] = this.waiting; first && this.used + first.bytes <= this.limit; [first] = this.waiting) {
      this.waiting.shift();
      first.resolve(this.grant(first.bytes));
    }
  }
}
