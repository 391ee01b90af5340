/**
 * Means of a number over the layers below each module, kept up as results arrive: over 100 000 layers, adding them up
 * anew for every drawing is not free.
 */
import type { TreeNode } from '../model/moduleTree';

/** What has come so far. */
export interface Arrivals {
  /** Names of layers in the order of their results, again where a layer got another one. */
  readonly arrivals: readonly string[];
  leafOf(layer: string): TreeNode | undefined;
}

export class Means {
  /** Arrivals that are counted. */
  private seen = 0;
  /** What each layer was counted with. */
  private readonly counted = new Map<string, number>();
  private readonly sums = new Map<TreeNode, { sum: number; count: number }>();

  /** @param value of a layer's row; null where it is not known */
  constructor(
    private readonly inspection: Arrivals,
    private readonly value: (node: TreeNode) => number | null,
  ) {}

  /** null where no layer below has the number. */
  of(node: TreeNode): { mean: number; count: number } | null {
    const { arrivals } = this.inspection;
    for (; this.seen < arrivals.length; this.seen++) this.count(arrivals[this.seen]!);
    const found = this.sums.get(node);
    return found && found.count > 0 ? { mean: found.sum / found.count, count: found.count } : null;
  }

  /** A layer may arrive again, with other numbers or with none. */
  private count(layer: string): void {
    const leaf = this.inspection.leafOf(layer);
    if (!leaf) return;
    const before = this.counted.get(layer) ?? null;
    const now = this.value(leaf);
    if (now === before) return;
    if (now === null) this.counted.delete(layer);
    else this.counted.set(layer, now);
    for (let module = leaf.parent; module; module = module.parent) {
      const sums = this.sums.get(module) ?? { sum: 0, count: 0 };
      sums.sum += (now ?? 0) - (before ?? 0);
      sums.count += Number(now !== null) - Number(before !== null);
      this.sums.set(module, sums);
    }
  }
}
