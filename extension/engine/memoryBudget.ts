/**
 * The memory that all layers in work may hold together. A layer says what it will need before it starts, and waits until
 * that much is free: first come, first served, so that small layers do not keep a large one waiting for ever.
 */
export interface Reservation {
  /** Gives the bytes back; once, however often it is called. */
  release(): void;
}

interface Waiter {
  bytes: number;
  resolve: (reservation: Reservation) => void;
}

export class MemoryBudget {
  private used = 0;
  private readonly waiting: Waiter[] = [];

  /** @param limit bytes */
  constructor(readonly limit: number) {}

  /**
   * @throws RangeError for more than the limit, which would never come
   * @throws the signal's reason when it fires first
   */
  async reserve(bytes: number, signal: AbortSignal): Promise<Reservation> {
    signal.throwIfAborted();
    if (bytes > this.limit) throw new RangeError(`${bytes} bytes are more than the limit of ${this.limit}`);
    const reservation = this.reserveNow(bytes);
    if (reservation) return reservation;
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
    });
  }

  /** The bytes where they are free and nobody waits for some. */
  reserveNow(bytes: number): Reservation | undefined {
    return this.waiting.length === 0 && this.used + bytes <= this.limit ? this.grant(bytes) : undefined;
  }

  private grant(bytes: number): Reservation {
    this.used += bytes;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
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
