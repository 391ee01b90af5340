/**
 * Notes on several layers for the terminal: each sentence once, with the layers' names if it is not about all of them.
 */
import { firstNames } from '../../checkpoint/problemList';

/** Names in front of a sentence. */
const NAMES_SHOWN = 3;

export class LayerNotes {
  private readonly layersOf = new Map<string, string[]>();
  private readonly told = new Set<string>();

  /** @param layers how many there are */
  constructor(private readonly layers: number) {}

  add(layer: string, notes: readonly string[]): void {
    for (const note of notes) {
      const layers = this.layersOf.get(note) ?? [];
      if (!layers.includes(layer)) this.layersOf.set(note, [...layers, layer]);
    }
  }

  /** Sentences that were added since the last call, and not before it. */
  untold(): string[] {
    const fresh = [...this.layersOf].filter(([note]) => !this.told.has(note));
    for (const [note] of fresh) this.told.add(note);
    return fresh.map(([note, layers]) =>
      layers.length === this.layers ? note : `${firstNames(layers, NAMES_SHOWN)}: ${note}`,
    );
  }
}
