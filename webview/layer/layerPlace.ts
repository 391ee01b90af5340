/** How a person left the layer that is open: scrolled, zoomed, with tails chosen by hand. Kept in the view's state. */
import type { FitRule } from '../../extension/shared/layers';
import type { ShownPart, ZoomMemory } from '../plots/zoom/zoomView';

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
  /** Parts of plots that are shown alone, by the plot's title. */
  zooms: Record<string, ShownPart>;
}

/** What is kept of a layer, for as long as no other one is open. */
export class KeptPlace implements ZoomMemory {
  /** @param memory what was kept last, of whatever layer; and where to keep it */
  constructor(
    private readonly memory: { read(): LayerPlace | null; write(place: LayerPlace): void },
    private readonly layer: string,
  ) {}

  get current(): LayerPlace {
    const kept = this.memory.read();
    const initial = { layer: this.layer, scroll: 0, tails: {}, zooms: {} };
    // What was kept by an older version of this page may lack something.
    return kept?.layer === this.layer ? { ...initial, ...kept } : initial;
  }

  scrolled(scroll: number): void {
    this.memory.write({ ...this.current, scroll });
  }

  /** @param chosen null for the fit that is shown by itself */
  chose(plot: string, chosen: ChosenStart | null): void {
    const { [plot]: _, ...others } = this.current.tails;
    this.memory.write({ ...this.current, tails: chosen ? { ...others, [plot]: chosen } : others });
  }

  zoomOf(plot: string): ShownPart | undefined {
    return this.current.zooms[plot];
  }

  zoomed(plot: string, part: ShownPart | null): void {
    const { [plot]: _, ...others } = this.current.zooms;
    this.memory.write({ ...this.current, zooms: part ? { ...others, [plot]: part } : others });
  }
}
