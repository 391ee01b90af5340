/**
 * The layer names of one checkpoint, found by what people write for them: the tensor's name or its alias, its module's,
 * either with a wrapper's prefix or without the first parts of the path.
 */
import type { PackedTensors, TensorSummary } from '../../shared/tensors';
import { ANY, NameTemplates } from './nameTemplates';
import { namesOf, tensorsByIndex } from '../../shared/packedTensors';

/** What stands before a layer's own path in code and in wrapped checkpoints. */
const PREFIXES = new Set(['self', 'model', 'module', 'net', 'state_dict', '_orig_mod', 'params', 'base_model']);

/** The tensor a module's name means: its weight, as the frameworks spell it. */
const MAIN_PARTS = ['weight', 'kernel', 'embeddings'];

/** Names longer than this are no layer's, and are not indexed: no format's reader lets longer ones in, either. */
const MAX_NAME = 4096;

/** Names that end in the same two parts: one for each block of a model. More of them are looked up too slowly. */
const MAX_ALIKE = 1000;

/** Names taken in one go: a fraction of a millisecond. Then others of this process have their turn, where it is time. */
const NAMES_AT_ONCE = 256;
const SLICE_MS = 8;

export interface FoundTensor {
  tensor: TensorSummary;
  /** Parts of the path that only one of the two has. */
  distance: number;
  /** Place among what a module's name may mean; the weight is first. */
  order: number;
}

export class LayerNames {
  private readonly names: string[] = [];
  private readonly aliases = new Map<number, string>();
  /** Indices by the last two parts of the module's path: one alone (`w1`) can be that of every tensor there is. */
  private readonly byModule = new Map<string, number[]>();
  /** What paths with a variable in them stand for, and which name is meant by one that is not there. */
  readonly templates = new NameTemplates();
  readonly tensorAt: (index: number) => TensorSummary;

  private constructor(packed: PackedTensors) {
    this.tensorAt = tensorsByIndex(packed, this.names, this.aliases);
  }

  /** Takes its time, but never the process's for long. */
  static async of(packed: PackedTensors): Promise<LayerNames> {
    const made = new LayerNames(packed);
    let index = 0;
    for await (const names of inSlices(namesOf(packed.names))) {
      for (const name of names) made.names.push(name);
      for (const name of names) made.enter(index++, name);
    }
    if (packed.aliases) {
      const { of } = packed.aliases;
      let next = 0;
      for await (const names of inSlices(namesOf(packed.aliases.names))) {
        for (const alias of names) {
          const tensor = of[next++]!;
          made.aliases.set(tensor, alias);
          made.enter(tensor, alias);
        }
      }
    }
    return made;
  }

  private enter(index: number, name: string): void {
    if (name.length > MAX_NAME) return;
    this.templates.add(components(name), index);
    const key = keyOf(moduleOf(name).module);
    const indices = this.byModule.get(key);
    if (!indices) this.byModule.set(key, [index]);
    else if (indices.length < MAX_ALIKE) indices.push(index);
  }

  /** Tensors that a path (see `pathOf`) may mean; none where it says too little. */
  find(path: readonly string[]): FoundTensor[] {
    const asTensor = path.length > 1 ? this.matches(path.slice(0, -1), path.at(-1)) : [];
    return asTensor.length > 0 ? asTensor : this.matches(path, undefined);
  }

  /** The tensor of this very name, its own or its alias; undefined where there is none. */
  exact(name: string): TensorSummary | undefined {
    const { module } = moduleOf(name);
    const indices = this.byModule.get(keyOf(module)) ?? [];
    const found = indices.find((index) => this.names[index] === name || this.aliases.get(index) === name);
    if (found !== undefined) return this.tensorAt(found);
    // Of very many that end alike, some were not entered.
    const place = indices.length < MAX_ALIKE ? -1 : this.names.indexOf(name);
    return place < 0 ? undefined : this.tensorAt(place);
  }

  /** Tensors whose names are like one that is not there, the nearest first. */
  alike(name: string, most: number): TensorSummary[] {
    const near = this.templates.alike(components(name), most);
    const found = near.map(({ parts, example }) => this.exact(parts.join('.')) ?? this.tensorAt(example));
    return [...new Map(found.map((tensor) => [tensor.name, tensor])).values()];
  }

  /** Names of all layers with a spectrum, in the checkpoint's order. */
  *layers(): Generator<string> {
    for (const index of this.names.keys()) yield* this.tensorAt(index).layers;
  }

  /** All names in the checkpoint's order. */
  get all(): readonly string[] {
    return this.names;
  }

  /**
   * Tensors whose path ends like this one, or the other way round. One word alone is too common in code to stand for the
   * end of a longer path: it has a key of its own.
   *
   * @param part last part of the tensor's name; undefined takes a module's weight
   */
  private matches(module: readonly string[], part: string | undefined): FoundTensor[] {
    const found = new Map<number, FoundTensor>();
    const key = keyOf(module);
    for (const index of this.byModule.get(key) ?? []) {
      for (const name of [this.names[index], this.aliases.get(index)]) {
        if (name === undefined || found.has(index)) continue;
        const own = moduleOf(name);
        if (part === undefined ? own.part !== '' && !MAIN_PARTS.includes(own.part) : own.part !== part) continue;
        const common = Math.min(module.length, own.module.length);
        if (keyOf(own.module) !== key || !endsEqual(module, own.module, common)) continue;
        const distance = Math.abs(module.length - own.module.length);
        found.set(index, { tensor: this.tensorAt(index), distance, order: partOrder(own.part) });
      }
    }
    return [...found.values()];
  }
}

/** The parts of what somebody wrote, without what may stand before a layer's own path. */
export function pathOf(name: string): readonly string[] {
  return withoutPrefixes(components(name));
}

/** A variable in a string of Python, JavaScript or C, or an index that is one: `{i}`, `${i}`, `%d`, `[i]`. */
const VARIABLE = /\$?\{[^{}]*\}|%[ds]|\[[A-Za-z_]\w*\]/g;

/** The same for a name with variables in it: each is `ANY`. Undefined where there is none, or nothing but them. */
export function patternOf(name: string): readonly string[] | undefined {
  const path = pathOf(name.replace(VARIABLE, (variable) => (variable.startsWith('[') ? `.${ANY}` : ANY)));
  const clear = path.filter((part) => /^[\w-]+$/.test(part)).length;
  const open = path.filter((part) => part === ANY).length;
  return open > 0 && clear > 0 && open + clear === path.length ? path : undefined;
}

/** @returns the module's path without prefixes, and the last part of the tensor's name, empty where it has one part */
function moduleOf(name: string): { module: readonly string[]; part: string } {
  const path = components(name);
  const several = path.length > 1;
  return { module: withoutPrefixes(several ? path.slice(0, -1) : path), part: several ? path.at(-1)! : '' };
}

/** `layers[0].q_proj` and `layers/0/q_proj` are the same path. */
export function components(name: string): string[] {
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

function partOrder(part: string): number {
  const order = MAIN_PARTS.indexOf(part);
  return order < 0 ? MAIN_PARTS.length : order;
}

/** A few at once, with a turn for everybody else every few milliseconds. */
async function* inSlices(names: Iterable<string>): AsyncGenerator<string[]> {
  let slice: string[] = [];
  let began = performance.now();
  for (const name of names) {
    slice.push(name);
    if (slice.length < NAMES_AT_ONCE) continue;
    yield slice;
    slice = [];
    if (performance.now() - began < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
  yield slice;
}
