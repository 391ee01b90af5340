/** The part of its axes that a plot shows, in their own numbers. Plots that share one are zoomed together. */

export type Span = readonly [low: number, high: number];

export type ZoomAxis = 'x' | 'y';

/** An axis that is absent is shown whole. */
export type ShownPart = Readonly<Partial<Record<ZoomAxis, Span>>>;

/** Where a plot's part is kept while its layer is open. */
export interface ZoomMemory {
  zoomOf(plot: string): ShownPart | undefined;
  /** @param part null once all is shown */
  zoomed(plot: string, part: ShownPart | null): void;
}

export class ZoomView {
  private part: ShownPart = {};
  private readonly followers: (() => void)[] = [];

  get current(): ShownPart {
    return this.part;
  }

  show(part: ShownPart): void {
    if (sameSpan(part.x, this.part.x) && sameSpan(part.y, this.part.y)) return;
    this.part = part;
    for (const follower of this.followers) follower();
  }

  /** @param follower called whenever another part is to be shown */
  follow(follower: () => void): void {
    this.followers.push(follower);
  }
}

function sameSpan(a: Span | undefined, b: Span | undefined): boolean {
  return a?.[0] === b?.[0] && a?.[1] === b?.[1];
}
