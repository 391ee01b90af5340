/** Keys that a JSON object has twice: `JSON.parse` takes the last and says nothing. */

/** The first such key, as the path to it; undefined if there is none. @param text valid JSON */
export function repeatedKey(text: string): string | undefined {
  /** The containers that are open: keys so far of an object, undefined of an array. */
  const open: { keys: Set<string> | undefined; key: string | number }[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gsu;
  let name: string | undefined;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match;
    const inner = open.at(-1);
    switch (found) {
      case '{':
        open.push({ keys: new Set(), key: '' });
        break;
      case '[':
        open.push({ keys: undefined, key: 0 });
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        if (typeof inner?.key === 'number') inner.key++;
        break;
      case ':':
        if (inner?.keys?.has(name!)) return placeOf([...open.slice(0, -1).map(({ key }) => key), name!]);
        inner?.keys?.add(name!);
        if (inner) inner.key = name!;
        break;
      default:
        name = JSON.parse(found) as string;
    }
  }
  return undefined;
}

/** `layers["a.weight"].rank`: the path to a value, as one would write it in a program. */
export function placeOf(path: readonly (string | number)[]): string {
  return path.reduce<string>((place, part) => {
    if (typeof part === 'number') return `${place}[${part}]`;
    if (/^[$A-Z_a-z][$\w]*$/.test(part)) return place === '' ? part : `${place}.${part}`;
    return `${place}[${JSON.stringify(part)}]`;
  }, '');
}
