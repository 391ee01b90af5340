/**
 * Layer names of many checkpoints, found by what people write for them: the tensor's name or its alias, its module's,
 * either with a wrapper's prefix or without the first parts of the path. In memory; a lookup takes well under a
 * millisecond.
 */
import type { CheckpointSummary, TensorSummary } from '../protocol';

export interface LayerMatch {
  /** The checkpoint's path as it was added. */
  checkpoint: string;
  tensor: TensorSummary;
}

/** Names of all indexed checkpoints together: some 200 MB at the very most. */
const MAX_NAMES = 1_000_000;

/** What stands before a layer's own path in code and in wrapped checkpoints. */
const PREFIXES = new Set(['self', 'model', 'module', 'net', 'state_dict', '_orig_mod', 'params', 'base_model']);

/** The tensor a module's name means: its weight, as the frameworks spell it. */
const MAIN_PARTS = ['weight', 'kernel', 'embeddings'];

interface Entry extends LayerMatch {
  /** Path of the module, without prefixes. */
  module: readonly string[];
  /** Last part of the tensor's name; empty where the name has one part. */
  part: string;
}

export class LayerIndex {
  /** By the last two components of the module's path: one alone (`w1`) can be that of every tensor there is. */
  private readonly byModule = new Map<string, Entry[]>();
  /** Names of each checkpoint. */
  private readonly sizes = new Map<string, number>();
  private total = 0;

  constructor(private readonly maxNames = MAX_NAMES) {}

  /** Replaces what was known of this checkpoint. @returns false where the index is full */
  add(checkpoint: string, summary: Pick<CheckpointSummary, 'tensors'>): boolean {
    this.remove(checkpoint);
    const { tensors } = summary;
    const names = tensors.reduce((sum, { alias }) => sum + (alias === undefined ? 1 : 2), 0);
    if (this.total + names > this.maxNames) return false;
    for (const tensor of tensors) {
      this.enter(checkpoint, tensor, tensor.name);
      if (tensor.alias !== undefined) this.enter(checkpoint, tensor, tensor.alias);
    }
    this.sizes.set(checkpoint, names);
    this.total += names;
    return true;
  }

  private enter(checkpoint: string, tensor: TensorSummary, name: string): void {
    const path = components(name);
    const module = withoutPrefixes(path.length > 1 ? path.slice(0, -1) : path);
    const entry = { checkpoint, tensor, module, part: path.length > 1 ? path.at(-1)! : '' };
    const key = keyOf(module);
    const entries = this.byModule.get(key);
    if (entries) entries.push(entry);
    else this.byModule.set(key, [entry]);
  }

  remove(checkpoint: string): void {
    const size = this.sizes.get(checkpoint);
    if (size === undefined) return;
    this.sizes.delete(checkpoint);
    this.total -= size;
    for (const [key, entries] of this.byModule) {
      const rest = entries.filter((entry) => entry.checkpoint !== checkpoint);
      if (rest.length === 0) this.byModule.delete(key);
      else if (rest.length < entries.length) this.byModule.set(key, rest);
    }
  }

  /** Tensors that `name` may mean, best first; none where it says too little. */
  find(name: string): LayerMatch[] {
    const path = withoutPrefixes(components(name));
    if (path.length === 0) return [];
    const asTensor = path.length > 1 ? this.matches(path.slice(0, -1), path.at(-1)) : [];
    const found = asTensor.length > 0 ? asTensor : this.matches(path, undefined);
    return found
      .sort((a, b) => a.distance - b.distance || partOrder(a.entry) - partOrder(b.entry))
      .map(({ entry: { checkpoint, tensor } }) => ({ checkpoint, tensor }));
  }

  /**
   * Entries whose path ends like this one, or the other way round. One word alone is too common in code to stand for
   * the end of a longer path: it has a key of its own.
   *
   * @param part last part of the tensor's name; undefined takes a module's weight
   */
  private matches(module: readonly string[], part: string | undefined): { entry: Entry; distance: number }[] {
    const found: { entry: Entry; distance: number }[] = [];
    for (const entry of this.byModule.get(keyOf(module)) ?? []) {
      if (part === undefined ? entry.part !== '' && !MAIN_PARTS.includes(entry.part) : entry.part !== part) continue;
      const common = Math.min(module.length, entry.module.length);
      const distance = Math.abs(module.length - entry.module.length);
      if (endsEqual(module, entry.module, common)) found.push({ entry, distance });
    }
    return found;
  }
}

/** `layers[0].q_proj` and `layers/0/q_proj` are the same path. */
function components(name: string): string[] {
  return name
    .replace(/\[(\d+)\]/g, '.$1')
    .split(/[./]/)
    .filter((part) => part !== '');
}

function withoutPrefixes(path: readonly string[]): readonly string[] {
  let start = 0;
  while (start < path.length - 1 && PREFIXES.has(path[start]!)) start += 1;
  return start === 0 ? path : path.slice(start);
}

function keyOf(module: readonly string[]): string {
  return module.slice(-2).join('.');
}

function endsEqual(a: readonly string[], b: readonly string[], count: number): boolean {
  for (let index = 1; index <= count; index++) if (a.at(-index) !== b.at(-index)) return false;
  return true;
}

function partOrder({ part }: Entry): number {
  const order = MAIN_PARTS.indexOf(part);
  return order < 0 ? MAIN_PARTS.length : order;
}
