/**
 * Results as the host has them, for a file that is written next. The host outlives the engine and knows more: tests of
 * fits that were asked for later, layers that a former process died on. They come in slices, because a message with those
 * of 100 000 layers would hold up both processes for seconds.
 */
import type { LayerResult } from '../../shared/layers';
import { EngineError } from '../layer/engineLayer';

export class ToldResults {
  private readonly told = new Map<string, Map<string, LayerResult>>();

  /** @param first forgets what was told of the document before */
  tell(document: string, results: readonly LayerResult[], first: boolean): void {
    const known = (first ? undefined : this.told.get(document)) ?? new Map<string, LayerResult>();
    for (const result of results) known.set(result.name, result);
    this.told.set(document, known);
  }

  /**
   * The results that were told of a document, which are then forgotten.
   *
   * @param count how many the host told
   * @throws EngineError if they are not all here: another process was told some of them
   */
  take(document: string, count: number): ReadonlyMap<string, LayerResult> {
    const known = this.told.get(document) ?? new Map<string, LayerResult>();
    this.told.delete(document);
    if (known.size === count) return known;
    const message = `the engine has ${known.size} of ${count} results, so nothing was written; save again`;
    throw new EngineError('incomplete', message);
  }

  forget(document: string): void {
    this.told.delete(document);
  }
}
