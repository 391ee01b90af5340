/** The input of the layer that comes next, got while those before it are computed. */
import { abortable } from '../resources/abortable';
import type { LayerInput } from './layerInput';

export class ReadAhead {
  private readonly controller = new AbortController();
  private readonly input: Promise<LayerInput | undefined>;
  private state: 'waiting' | 'taken' | 'dropped' = 'waiting';

  /**
   * @param get may give nothing: the layer's result is known, or there is no memory to spare. It is stopped by the signal,
   * and may call the second argument to have what it gave dropped: the memory is wanted elsewhere.
   */
  constructor(get: (signal: AbortSignal, revoke: () => void) => Promise<LayerInput | undefined>) {
    this.input = get(this.controller.signal, () => this.drop());
    this.input.catch(() => undefined); // whoever takes it hears the error
  }

  /**
   * Hands the input over; its memory is then the taker's to give back. Nothing where it was dropped.
   *
   * @throws what getting it threw, the signal's reason as soon as it fires
   */
  async take(signal: AbortSignal): Promise<LayerInput | undefined> {
    try {
      const input = await abortable(this.input, signal);
      if (this.dropped()) return undefined;
      this.state = 'taken';
      input?.reservation.keep();
      return input;
    } catch (error) {
      if (this.dropped()) return undefined;
      this.drop();
      throw error;
    }
  }

  /** It is not wanted any more. Does nothing once it was taken. */
  drop(): void {
    if (this.state !== 'waiting') return;
    this.state = 'dropped';
    this.controller.abort();
    this.input.then(
      (input) => input?.reservation.release(),
      () => undefined, // nothing was got
    );
  }

  private dropped(): boolean {
    return this.state === 'dropped';
  }
}
