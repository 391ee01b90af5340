/** How a person left the layer that is open: scrolled, and with tails chosen by hand. Kept in the view's state. */
import type { FitRule } from '../../extension/shared/layers';

/** A rule's tail, or one that begins at an xmin chosen by hand. */
export interface ChosenStart {
  rule: FitRule;
  /** null for the rule's own. */
  xmin: number | null;
}

export interface LayerPlace {
  layer: string;
  /** Pixels. */
  scroll: number;
  /** By the plot's title. */
  tails: Record<string, ChosenStart>;
}

/** What is kept of a layer, for as long as no other one is open. */
export class KeptPlace {
  /** @param memory what was kept last, of whatever layer; and where to keep it */
  constructor(
    private readonly memory: { read(): LayerPlace | null; write(place: LayerPlace): void },
    private readonly layer: string,
  ) {}

  get current(): LayerPlace {
    const kept = this.memory.read();
    return kept?.layer === this.layer ? kept : { layer: this.layer, scroll: 0, tails: {} };
  }

  scrolled(scroll: number): void {
    this.memory.write({ ...this.current, scroll });
  }

  /** @param chosen null for the fit that is shown by itself */
  chose(plot: string, chosen: ChosenStart | null): void {
    const { [plot]: _, ...others } = this.current.tails;
    this.memory.write({ ...this.current, tails: chosen ? { ...others, [plot]: chosen } : others });
  }
}
