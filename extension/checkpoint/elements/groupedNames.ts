/**
 * Unique names for tensors that lie in groups: the model and an optimizer's state in one file, or one after the other in
 * a bundle. `scopedNames.ts` does the same for graphs within graphs, whose names stay as they are in the outermost.
 */

/**
 * One name for each tensor: its own where that is unique, with its group in front where two groups hold it, and with
 * `#2`, `#3`, … where even that is taken (keys `0` and `'0'` of one dictionary).
 */
export function groupedNames(tensors: readonly { group: string; name: string }[]): string[] {
  const groups = new Map<string, string>();
  const shared = new Set<string>();
  for (const { group, name } of tensors) {
    const known = groups.get(name);
    if (known === undefined) groups.set(name, group);
    else if (known !== group) shared.add(name);
  }
  const taken = new Set<string>();
  const repeats = new Map<string, number>();
  return tensors.map(({ group, name }) => {
    const wanted = shared.has(name) && group !== '' ? `${group}.${name}` : name;
    let unique = wanted;
    while (taken.has(unique)) {
      const repeat = (repeats.get(wanted) ?? 1) + 1;
      repeats.set(wanted, repeat);
      unique = `${wanted}#${repeat}`;
    }
    taken.add(unique);
    return unique;
  });
}
