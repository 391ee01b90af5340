/**
 * Weights of a checkpoint that hold the same numbers. A plan and its run treat them as one, so that none is untied in
 * silence: those that the file or the configuration ties, and copies of the embedding about which nothing is said.
 */
import { withTiedEmbeddings } from '../../checkpoint/wrappers/tiedEmbeddings';
import type { EngineDocument } from '../document/engineDocument';

export class TiedLayers {
  private readonly names: ReadonlyMap<string, readonly string[]>;

  /** @param firsts from the name of a tensor to the first with its numbers, where that is another one */
  constructor(private readonly firsts: ReadonlyMap<string, string>) {
    const names = new Map<string, string[]>();
    for (const [name, first] of firsts) names.set(first, [...(names.get(first) ?? [first]), name]);
    this.names = names;
  }

  /** The tensor that this one is tied to; undefined for the first of several, and for one alone. */
  firstOf(tensor: string): string | undefined {
    return this.firsts.get(tensor);
  }

  /** The other tensors with its numbers. */
  twinsOf(tensor: string): readonly string[] {
    return (this.names.get(this.firsts.get(tensor) ?? tensor) ?? []).filter((name) => name !== tensor);
  }
}

/** @throws DOMException `AbortError` when `signal` fires */
export async function tiedLayers(
  { checkpoint }: Pick<EngineDocument, 'checkpoint'>,
  signal: AbortSignal,
): Promise<TiedLayers> {
  // A configuration that unties the two makes them weights of their own, whatever they hold.
  const { tensors } = checkpoint.config.untied ? checkpoint : await withTiedEmbeddings(checkpoint, signal);
  return new TiedLayers(
    new Map(tensors.flatMap(({ name, sharedWith }) => (sharedWith === undefined ? [] : [[name, sharedWith] as const]))),
  );
}
