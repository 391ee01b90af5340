/**
 * A model as a grid: a column for each of its blocks, a row for each role that matrices have in them, and what lies in no
 * block in the order of the file. Made from names alone, before anything is computed.
 */
import { placeOf, ROLE_ORDER, type LayerPlace } from './layerPlaces';

export interface NamedLayer {
  readonly name: string;
  /** What other programs call it: Hugging Face's name of a GGUF tensor. */
  readonly alias?: string | undefined;
}

export interface MapBlock {
  /** The words around its number: `encoder.layers`. */
  readonly stack: string;
  /** What tells its stack from others, `encoder`; empty for a model with one stack. */
  readonly word: string;
  /** `3`, or `1.0` for the first block of a stage. */
  readonly number: string;
  /** Both. */
  readonly label: string;
}

export interface ModelMap {
  /** In the order of the stacks in the file, each by its numbers. Empty for a model without blocks. */
  readonly blocks: readonly MapBlock[];
  /** Rows, attention first. */
  readonly roles: readonly string[];
  /** What the model itself calls each: `c_attn`; with the module around it if two roles would share a name. */
  readonly roleNames: readonly string[];
  /** Names of layers by role, then by block: several where experts share a place, none where a block has no such role. */
  readonly cells: readonly (readonly (readonly string[])[])[];
  /** Layers in no block, and those of roles that only single blocks have in a model of very many roles. */
  readonly rest: readonly string[];
}

/** A map with more rows cannot be taken in; the rarest roles go to the layers beside it. */
const MOST_ROLES = 24;

/** Words of a stack's path that tell nothing: every stack has them. */
const GENERIC = /^(layers?|blocks?|h|blk|stages?|resblocks|transformer|model|resnets|features)$/i;

interface Placed {
  readonly layer: string;
  readonly place: LayerPlace;
}

export function modelMap(layers: readonly NamedLayer[]): ModelMap {
  const placed: Placed[] = [];
  const rest: string[] = [];
  for (const { name, alias } of layers) {
    const place = placeOf(name) ?? (alias === undefined ? undefined : placeOf(alias));
    if (place) placed.push({ layer: name, place });
    else rest.push(name);
  }
  const columns = columnsOf(placed);
  const roles = rolesOf(placed);
  // One block, or blocks that have nothing in common, are no rows and columns.
  if (columns.size < 2 || roles.kept.length === 0) {
    return { blocks: [], roles: [], roleNames: [], cells: [], rest: layers.map(({ name }) => name) };
  }
  const rows = new Map(roles.kept.map((role, row) => [role, row]));
  const cells = roles.kept.map(() => Array.from({ length: columns.size }, (): string[] => []));
  const beside = new Set<string>();
  for (const { layer, place } of placed) {
    const row = rows.get(place.role);
    if (row === undefined) beside.add(layer);
    else cells[row]![columns.get(keyOf(place))!.column]!.push(layer);
  }
  const known = new Set([...rest, ...beside]);
  return {
    blocks: [...columns.values()].map(({ block }) => block),
    roles: roles.kept,
    roleNames: namesOf(roles.kept, placed),
    cells,
    rest: layers.flatMap(({ name }) => (known.has(name) ? [name] : [])),
  };
}

function keyOf({ stack, numbers }: LayerPlace): string {
  return `${stack} ${numbers.join('.')}`;
}

function columnsOf(placed: readonly Placed[]): Map<string, { column: number; block: MapBlock }> {
  const stacks = [...new Set(placed.map(({ place }) => place.stack))];
  const order = new Map(stacks.map((stack, i) => [stack, i]));
  const places = [...new Map(placed.map(({ place }) => [keyOf(place), place])).values()].sort(
    (a, b) => order.get(a.stack)! - order.get(b.stack)! || compareNumbers(a.numbers, b.numbers),
  );
  const words = stackWords(stacks);
  return new Map(
    places.map((place, column) => {
      const number = place.numbers.join('.');
      const word = words.get(place.stack)!;
      const label = word === '' ? number : `${word} ${number}`;
      return [keyOf(place), { column, block: { stack: place.stack, word, number, label } }];
    }),
  );
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? -1) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What tells one stack from the others; nothing where there is only one. */
function stackWords(stacks: readonly string[]): Map<string, string> {
  const paths = stacks.map((stack) => stack.split('.'));
  const shared = paths[0]?.findIndex((word, i) => paths.some((path) => path[i] !== word)) ?? 0;
  const short = paths.map((path) =>
    path
      .slice(Math.max(0, shared))
      .filter((word) => !GENERIC.test(word))
      .join('.'),
  );
  if (stacks.length < 2) return new Map(stacks.map((stack) => [stack, '']));
  const isDistinct = (words: readonly string[]): boolean => new Set(words).size === stacks.length;
  const first = short.map((words) => words.split('.')[0]!);
  const words = [first, short].find(isDistinct) ?? stacks;
  return new Map(stacks.map((stack, i) => [stack, words[i]!]));
}

function rolesOf(placed: readonly Placed[]): { kept: string[] } {
  const blocks = new Map<string, Set<string>>();
  for (const { place } of placed) {
    const found = blocks.get(place.role) ?? new Set();
    blocks.set(place.role, found.add(keyOf(place)));
  }
  if (![...blocks.values()].some(({ size }) => size > 1)) return { kept: [] };
  const common = [...blocks].sort(([, a], [, b]) => b.size - a.size).slice(0, MOST_ROLES);
  const kept = new Set(common.map(([role]) => role));
  const inOrder = [...blocks.keys()].filter((role) => kept.has(role));
  return { kept: inOrder.sort((a, b) => rankOf(a) - rankOf(b)) };
}

/** The end of each role's module name that no other role shares; the role itself if it has modules of several names. */
function namesOf(roles: readonly string[], placed: readonly Placed[]): string[] {
  const modules = new Map(roles.map((role) => [role, new Set<string>()]));
  for (const { place } of placed) modules.get(place.role)?.add(place.module);
  const ends = new Map<string, Set<string>>();
  for (const [role, names] of modules) {
    for (const name of names) {
      for (const end of endsOf(name)) ends.set(end, (ends.get(end) ?? new Set()).add(role));
    }
  }
  return roles.map((role) => {
    const [name, another] = modules.get(role)!;
    if (name === undefined || another !== undefined) return role;
    return endsOf(name).find((end) => /^\D/.test(end) && ends.get(end)!.size === 1) ?? role;
  });
}

/** `c`, `b.c`, `a.b.c`. */
function endsOf(module: string): string[] {
  const parts = module.split('.');
  return parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'));
}

/** Unknown roles stand behind the known ones, in the order of the file; parts of an adapter beside their base. */
function rankOf(role: string): number {
  const base = ROLE_ORDER.indexOf(role.replace(/ (lora_\w+|ΔW)$/, ''));
  return base < 0 ? ROLE_ORDER.length : base;
}
