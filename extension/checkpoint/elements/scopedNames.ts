/**
 * Unique names for the weights of a model of several graphs. A graph may repeat a name of another. The outermost graph
 * keeps it, or the first of several at one depth; the others get their place in front, `place/name`. If that is taken
 * too, ` #2`, ` #3`, … follows.
 */

export interface ScopedName {
  readonly name: string;
  /** The place: '' in the main graph. */
  readonly scope: string;
  /** How deep the place is: 0 for the main graph. */
  readonly depth: number;
}

/** One name for each of `found`, in its order. */
export function scopedNames(found: readonly ScopedName[]): string[] {
  const names = new Array<string>(found.length);
  const taken = new Set<string>();
  /** Last number given out for a name, so that many equal names cost no search each. */
  const copies = new Map<string, number>();
  const outermostFirst = found.map((_, index) => index).sort((a, b) => found[a]!.depth - found[b]!.depth || a - b);
  for (const index of outermostFirst) {
    const { name, scope } = found[index]!;
    const scoped = scope ? `${scope}/${name}` : name;
    let unique = taken.has(name) ? scoped : name;
    let copy = copies.get(scoped) ?? 1;
    while (taken.has(unique)) unique = `${scoped} #${++copy}`;
    copies.set(scoped, copy);
    taken.add(unique);
    names[index] = unique;
  }
  return names;
}
