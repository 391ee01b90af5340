/** The input of the layer that comes next, got while those before it are computed. */
import { abortable } from './abortable';
import type { LayerInput } from './layerInput';

export class ReadAhead {
  private readonly controller = new AbortController();
  private readonly input: Promise<LayerInput | undefined>;
  private taken = false;

  /** @param get may give nothing: the layer's result is known, or there is no memory to spare */
  constructor(get: (signal: AbortSignal) => Promise<LayerInput | undefined>) {
    this.input = get(this.controller.signal);
    this.input.catch(() => undefined); // whoever takes it hears the error
  }

  /**
   * Hands the input over; its memory is then the taker's to give back.
   *
   * @throws what getting it threw, the signal's reason as soon as it fires
   */
  async take(signal: AbortSignal): Promise<LayerInput | undefined> {
    this.taken = true;
    try {
      return await abortable(this.input, signal);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** It is not wanted any more. Does nothing once it was taken. */
  drop(): void {
    if (!this.taken) this.discard();
  }

  private discard(): void {
    this.controller.abort();
    this.input.then(
      (input) => input?.release(),
      () => undefined, // nothing was got
    );
  }
}
