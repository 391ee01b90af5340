/** Layer names of many checkpoints. In memory; a lookup takes well under a millisecond. */
import type { PackedTensors, TensorSummary } from '../../shared/tensors';
import { LayerNames, pathOf, patternOf } from './layerNames';

export interface LayerMatch {
  /** The checkpoint's path as it was added. */
  checkpoint: string;
  tensor: TensorSummary;
  /** Parts of the path that only one of the two names has. */
  distance: number;
}

/** What a name with a variable in it stands for in a checkpoint. */
export interface RangeMatch {
  checkpoint: string;
  /** Numbers as ranges. */
  name: string;
  /** Kinds of tensors at or below it, each with one of them. */
  below: { name: string; count: number; tensor: TensorSummary }[];
}

/** The name in a checkpoint that is nearest to one that is not there. */
export interface NearMatch {
  checkpoint: string;
  name: string;
}

/** Names of all indexed checkpoints together: some 100 MB. */
const MAX_NAMES = 500_000;

export class LayerIndex {
  private readonly checkpoints = new Map<string, { names: LayerNames; size: number }>();

  constructor(private readonly maxNames = MAX_NAMES) {}

  /**
   * Replaces what was known of this checkpoint, which answers until then.
   *
   * @returns false where the index is full
   */
  async add(checkpoint: string, tensors: PackedTensors): Promise<boolean> {
    const size = tensors.kindOf.length + (tensors.aliases?.of.length ?? 0);
    if (this.sizeWithout(checkpoint) + size > this.maxNames) {
      this.remove(checkpoint);
      return false;
    }
    const names = await LayerNames.of(tensors);
    this.checkpoints.set(checkpoint, { names, size });
    return true;
  }

  remove(checkpoint: string): void {
    this.checkpoints.delete(checkpoint);
  }

  /** Tensors that `name` may mean, best first; none where it says too little. */
  find(name: string): LayerMatch[] {
    const path = pathOf(name);
    if (path.length === 0) return [];
    return [...this.checkpoints]
      .flatMap(([checkpoint, { names }]) => names.find(path).map((found) => ({ checkpoint, ...found })))
      .sort((a, b) => a.distance - b.distance || a.order - b.order)
      .map(({ checkpoint, tensor, distance }) => ({ checkpoint, tensor, distance }));
  }

  /** What `name`, with a variable in it, stands for in each checkpoint. */
  ranges(name: string): RangeMatch[] {
    const pattern = patternOf(name);
    if (!pattern) return [];
    return [...this.checkpoints].flatMap(([checkpoint, { names }]) => {
      const range = names.templates.range(pattern);
      if (!range) return [];
      const below = range.below.map(({ example, ...kind }) => ({ ...kind, tensor: names.tensorAt(example) }));
      return { checkpoint, name: range.name, below };
    });
  }

  /** Names like `name`, one of each checkpoint that has one; for a name that `find` does not find. */
  nearest(name: string): NearMatch[] {
    const path = patternOf(name) ?? pathOf(name);
    if (path.length < 3 || /\s/.test(name)) return [];
    return [...this.checkpoints].flatMap(([checkpoint, { names }]) => {
      const near = names.templates.nearest(path);
      return near === undefined ? [] : { checkpoint, name: near };
    });
  }

  /** The names of one checkpoint. */
  namesOf(checkpoint: string): LayerNames | undefined {
    return this.checkpoints.get(checkpoint)?.names;
  }

  get size(): number {
    return this.checkpoints.size;
  }

  private sizeWithout(checkpoint: string): number {
    let sum = 0;
    for (const [other, { size }] of this.checkpoints) if (other !== checkpoint) sum += size;
    return sum;
  }
}
